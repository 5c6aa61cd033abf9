"""The recipe for tokens of a cluster's ServiceAccounts, with an API server's key set: private, and of a private CA."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
import trustme
from aiohttp import web
from ruamel.yaml import YAML

from tests.support.clients.raw_http import exchange
from tests.support.gateways.serving import Gateway, serving
from tests.support.repository import DEPLOY
from tests.support.servers.issuer import RSA_KEY, jwk
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

RECIPE = DEPLOY / "kubernetes/service-accounts/gateway.yaml"
CALLER = RECIPE.with_name("caller.yaml")
ISSUER = "https://kubernetes.default.svc.cluster.local"
KID = "qK1iJ0Yl5Dg3m1mG0VHcJzS4ZQYw4kD0mP8sK9f7Xro"
OWN_TOKEN = "eyJhbGciOiJSUzI1NiJ9.the-gateways-own.first"


class ApiServer:
    """Answers at `/openid/v1/jwks` to whoever shows `token`, and counts everybody else."""

    def __init__(self) -> None:
        self.token = OWN_TOKEN
        self.refused = 0
        self.keys = [jwk(RSA_KEY, KID, use="sig", alg="RS256")]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/openid/v1/jwks" or request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": 401}
            return web.json_response(status, status=401)
        return web.json_response({"keys": self.keys}, content_type="application/jwk-set+json")


@contextlib.asynccontextmanager
async def over_tls(api: ApiServer, authority: trustme.CA) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    runner = web.ServerRunner(web.Server(api.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


class Cluster:
    """A gateway of the recipe, its upstream, its API server, and its own token's file."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream, api: ApiServer, own_token: Path) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.api = api
        self.own_token = own_token

    async def call(self, token: str, target: str = "/orders/1") -> int:
        request = (
            f"GET {target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\nX-Service-Account: forged\r\n"
        )
        return (await exchange(self.gateway.port, request.encode() + b"\r\n")).status

    def identity(self) -> dict[str, str]:
        """Return what the upstream was told of the last caller."""
        names = (
            "x-user-id",
            "x-user-roles",
            "x-service-namespace",
            "x-service-account",
            "x-service-pod",
            "authorization",
        )
        headers = self.upstream.requests[-1].headers
        found = {name: [value.decode() for field, value in headers if field.lower() == name.encode()] for name in names}
        return {name: ",".join(values) for name, values in found.items() if values}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    authority, api, own_token = trustme.CA(), ApiServer(), tmp_path / "token"
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    own_token.write_text(OWN_TOKEN)
    config: dict[str, Any] = YAML(typ="safe", pure=True).load(RECIPE)
    async with recording_upstream() as upstream, over_tls(api, authority) as port:
        config["listen"] = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_token": "the-admin-token"}
        config["secret"] = f"{config.pop('secret_file')}-is-long-enough-for-a-test"
        del config["redis"]
        issuer = config["authorities"]["cluster"]
        assert issuer["jwks_url"] == "https://kubernetes.default.svc/openid/v1/jwks"
        issuer |= {"jwks_url": f"https://127.0.0.1:{port}/openid/v1/jwks", "timeout": "10s", "jwks_cooldown": "1ms"}
        issuer |= {"jwks_token_file": str(own_token), "ca_file": str(tmp_path / "ca.crt")}
        for route in config["routes"]:
            route["upstream"] = f"http://127.0.0.1:{upstream.port}"
        async with serving(config, tmp_path) as gateway:
            yield Cluster(gateway, upstream, api, own_token)


def token(namespace: str, name: str, key: Any = RSA_KEY, kid: str = KID, **more: Any) -> str:
    """Return a token of a pod, as the API server signs them: no `typ`, and what is Kubernetes' own in one claim."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "aud": ["gateway"],
        "exp": now + 600,
        "iat": now,
        "iss": ISSUER,
        "jti": "7d7c2b0e-4b8a-4b8e-9a55-6a51ac3b5c0f",
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": "2d4e2b1c-0a1f-4a52-8a39-0b1c8a0f0d11"},
            "pod": {"name": f"{name}-6f7c9d9b8-x2x7p", "uid": "b5d0b3c9-9a0e-4f0c-8b8e-3b1f0e6a7c22"},
            "serviceaccount": {"name": name, "uid": "0c1f6f0e-6d52-4f65-9a2d-6f8f0f4f2a33"},
        },
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    return pyjwt.encode({**claims, **more}, key, algorithm="RS256", headers={"kid": kid, "typ": None})


def test_a_service_that_calls_asks_for_a_token_of_the_recipe_s_audience() -> None:
    validate = Path(sys.executable).with_name("kubernetes-validate")
    output = subprocess.run([validate, "--strict", CALLER], capture_output=True, text=True, check=False)
    assert (output.returncode, output.stdout.count(" passed for resource ")) == (0, 2), output
    yaml = YAML(typ="safe", pure=True)
    account, deployment = yaml.load_all(CALLER)
    pod = deployment["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    ((source,),) = [volume["projected"]["sources"] for volume in pod["volumes"]]
    assert source["serviceAccountToken"]["audience"] == yaml.load(RECIPE)["authorities"]["cluster"]["audience"]


async def test_the_upstream_is_told_which_service_calls(cluster: Cluster) -> None:
    assert await cluster.call(token("shop", "billing"), "/orders/refunds/7") == 200
    assert cluster.identity() == {
        "x-user-id": "system:serviceaccount:shop:billing",
        "x-user-roles": "shop",
        "x-service-namespace": "shop",
        "x-service-account": "billing",
        "x-service-pod": "billing-6f7c9d9b8-x2x7p",
    }


async def test_what_a_token_does_not_say_is_not_told(cluster: Cluster) -> None:
    """`kubectl create token` makes one that no pod has."""
    own = {"namespace": "shop", "serviceaccount": {"name": "cart", "uid": "0c1f6f0e-6d52-4f65-9a2d-6f8f0f4f2a33"}}
    assert await cluster.call(token("shop", "cart", **{"kubernetes.io": own})) == 200
    assert cluster.identity().keys() == {"x-user-id", "x-user-roles", "x-service-namespace", "x-service-account"}
    assert await cluster.call(token("shop", "cart", **{"kubernetes.io": {}})) == 403


@pytest.mark.parametrize(
    ("caller", "target", "status"),
    [
        (("shop", "billing"), "/orders/refunds/7", 200),
        (("shop", "cart"), "/orders/refunds/7", 403),
        (("support", "billing"), "/orders/refunds/7", 403),  # the same name in another namespace
        (("shop", "cart"), "/orders/1", 200),
        (("support", "desk"), "/orders/1", 200),
        (("kube-system", "default"), "/orders/1", 403),
    ],
)
async def test_routes_are_for_namespaces_and_for_services(
    cluster: Cluster, caller: tuple[str, str], target: str, status: int
) -> None:
    assert await cluster.call(token(*caller), target) == status


async def test_a_token_for_the_api_server_is_not_one_for_us(cluster: Cluster) -> None:
    assert await cluster.call(token("shop", "billing", aud=["https://kubernetes.default.svc.cluster.local"])) == 401
    assert await cluster.call(token("shop", "billing", exp=int(datetime.now(UTC).timestamp()) - 1)) == 401
    legacy = {
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "shop",
        "kubernetes.io/serviceaccount/secret.name": "billing-token-x2x7p",
        "kubernetes.io/serviceaccount/service-account.name": "billing",
        "sub": "system:serviceaccount:shop:billing",
    }  # of a Secret: for nobody, and forever
    assert await cluster.call(pyjwt.encode(legacy, RSA_KEY, "RS256", headers={"kid": KID, "typ": None})) == 401
    assert cluster.upstream.requests == []


async def test_what_a_revoked_account_was_issued_until_then_is_over(cluster: Cluster) -> None:
    earlier = token("shop", "billing")
    assert await cluster.call(earlier) == 200
    body = b'{"user": "system:serviceaccount:shop:billing"}'
    head = b"POST /revoke HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer the-admin-token\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await exchange(cluster.gateway.admin_port, head + body)).status == 200
    assert await cluster.call(earlier) == 401
    assert await cluster.call(token("shop", "billing", iat=int(datetime.now(UTC).timestamp()) + 1)) == 200
    assert await cluster.call(token("shop", "cart")) == 200


async def test_the_own_token_is_read_when_keys_are_fetched(cluster: Cluster) -> None:
    """Keys and tokens rotate, and the file is replaced in one step, as a kubelet does: nothing is loaded anew."""
    assert await cluster.call(token("shop", "cart")) == 200
    cluster.api.token = "another-token-an-hour-later"
    cluster.api.keys = [jwk(RSA_KEY, "next", use="sig", alg="RS256")]
    assert await cluster.call(token("shop", "cart", kid="next")) == 503
    assert cluster.api.refused > 0
    beside = cluster.own_token.with_name("next")
    beside.write_text("another-token-an-hour-later\n")
    beside.replace(cluster.own_token)
    assert await cluster.call(token("shop", "cart", kid="next")) == 200


@pytest.mark.parametrize("content", [None, "", "two words", "a\r\nX-Injected: 1"])
async def test_an_own_token_that_cannot_be_shown_is_cannot_tell(cluster: Cluster, content: str | None) -> None:
    cluster.own_token.unlink()
    if content is not None:
        cluster.own_token.write_text(content)
    assert await cluster.call(token("shop", "cart")) == 503
    assert cluster.api.refused == 0
    log = cluster.gateway.log()
    assert b"jwks_token_file" in log
    assert b"X-Injected" not in log
