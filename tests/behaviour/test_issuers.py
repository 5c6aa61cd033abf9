"""Issuers as they are, and whose role and address a token says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt as pyjwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.gateways.attacks import Victim, get, victim
from tests.support.gateways.serving import READERS, Examples
from tests.support.servers.issuer import EC_KEY, ED_KEY, OTHER_EC_KEY, Jwks, forge, jwk, sign
from tests.support.servers.low_level import listening

FIRST, SECOND = "https://first.example", "https://second.example"


def claims(issuer: str, **more: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())  # of each token: a whole run of tests takes longer than a key's cooldown
    return {"iss": issuer, "aud": "orders", "sub": "u1", "iat": now - 10, "exp": now + 3600, **more}


def issuer(name: str, port: int, **more: Any) -> dict[str, Any]:
    jwks_url = f"http://127.0.0.1:{port}/jwks"
    algorithms = ["ES256", "EdDSA"]
    return {
        "kind": "jwt",
        "issuer": name,
        "audience": "orders",
        "jwks_url": jwks_url,
        "algorithms": algorithms,
        "timeout": "10s",
    } | more


@contextlib.asynccontextmanager
async def trusting(
    examples: Examples, folder: Path, authorities: dict[str, Any], **sections: Any
) -> AsyncIterator[Victim]:
    """Run a gateway whose bearer tokens are of these issuers, in this order, and then of the directory."""
    listed = [*authorities, "accounts"]
    credentials = READERS | {"token": {"kind": "bearer", "authority": listed}}
    known = authorities | {"accounts": examples.settings(folder)}
    async with victim(examples, folder, authorities=known, credentials=credentials, **sections) as running:
        yield running


@contextlib.asynccontextmanager
async def trusting_first(
    examples: Examples, folder: Path, jwks: Jwks, sections: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Victim]:
    """Run a gateway that trusts one issuer, of these keys."""
    async with (
        listening(jwks.answer) as port,
        trusting(examples, folder, {"first": issuer(FIRST, port, **more)}, **(sections or {})) as running,
    ):
        yield running


async def status(running: Victim, token: str, target: bytes = b"/echo/") -> int:
    seen = await running.attack(get(target, b"Authorization: Bearer " + token.encode()))
    assert len(seen.received) == (1 if seen.statuses == (200,) else 0)
    return seen.statuses[0]


class Kubernetes(Jwks):
    """Serves its key set to whoever accepts that type, as an API server does."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if "application/jwk-set+json" not in request.headers.get("Accept", ""):
            return web.Response(status=406)
        return await super().answer(request)


async def test_a_key_set_is_asked_for_by_its_own_type(examples: Examples, tmp_path: Path) -> None:
    async with trusting_first(examples, tmp_path, Kubernetes(jwk(EC_KEY, "k1"))) as running:
        assert await status(running, sign(claims(FIRST))) == 200


async def test_odd_entries_of_a_key_set_spoil_themselves_alone(examples: Examples, tmp_path: Path) -> None:
    odd: list[Any] = [5, "text", None, [], {"kty": "EC", "crv": "P-9000", "kid": "k1"}, jwk(ED_KEY, "e", key_ops=7)]
    good = jwk(EC_KEY, "k1", key_ops=None, use=None, alg=None)
    async with trusting_first(examples, tmp_path, Jwks(*odd, good, *odd)) as running:
        assert await status(running, sign(claims(FIRST))) == 200


async def test_a_token_that_names_its_key_is_tried_with_the_keys_that_have_no_name(
    examples: Examples, tmp_path: Path
) -> None:
    async with trusting_first(examples, tmp_path, Jwks(jwk(OTHER_EC_KEY, "k1"), jwk(EC_KEY, None))) as running:
        assert await status(running, sign(claims(FIRST), kid="named")) == 200
        assert await status(running, sign(claims(FIRST), kid="k1")) == 401  # that one is another's


async def test_ed25519_is_a_name_of_eddsa(examples: Examples, tmp_path: Path) -> None:
    async with trusting_first(examples, tmp_path, Jwks(jwk(ED_KEY, "e1", alg="Ed25519"))) as running:
        for name in ("EdDSA", "Ed25519"):
            header = {"alg": name, "kid": "e1"}
            signature = ED_KEY.sign(forge(header, claims(FIRST)).rpartition(".")[0].encode())
            assert await status(running, forge(header, claims(FIRST), signature)) == 200


async def test_an_issuer_that_is_away_concerns_its_own_tokens_alone(examples: Examples, tmp_path: Path) -> None:
    async with listening(Jwks().answer) as closed:
        pass
    async with listening(Jwks(jwk(EC_KEY, "k1")).answer) as port:
        authorities = {"first": issuer(FIRST, closed), "second": issuer(SECOND, port)}
        async with trusting(examples, tmp_path, authorities) as running:
            for number in range(10):  # more than the faults that open a breaker
                assert await status(running, sign(claims(FIRST, jti=str(number)))) == 503
            for number in range(10):
                assert await status(running, sign(claims(SECOND, jti=str(number)))) == 200
            assert await status(running, running.gateway.bearer) == 200
            assert await status(running, "opaque") == 401


async def test_a_key_that_was_published_a_moment_ago_is_cannot_tell(examples: Examples, tmp_path: Path) -> None:
    jwks = Jwks(jwk(EC_KEY, "k1"))
    async with trusting_first(examples, tmp_path, jwks, jwks_cooldown="10m") as running:
        assert await status(running, sign(claims(FIRST))) == 200
        jwks.keys.append(jwk(OTHER_EC_KEY, "k2"))
        token = sign(claims(FIRST), OTHER_EC_KEY, kid="k2")
        for _ in range(10):
            seen = await running.attack(get(b"/echo/", b"Authorization: Bearer " + token.encode()))
            assert (seen.statuses, seen.received) == ((503,), ())
            assert 1 <= int(seen.responses[0].one(b"retry-after") or 0) <= 600
        assert await status(running, sign(claims(FIRST, jti="2"))) == 200  # nobody else hears of it
        old = sign(claims(FIRST, iat=int(datetime.now(UTC).timestamp()) - 3600), OTHER_EC_KEY, kid="withdrawn")
        assert await status(running, old) == 401  # its key would be in the set


@pytest.mark.parametrize("types", [None, ["JWT"], ["access+jwt"]])
async def test_the_types_of_tokens_are_config(examples: Examples, tmp_path: Path, types: list[str] | None) -> None:
    more = {} if types is None else {"types": types}
    async with trusting_first(examples, tmp_path, Jwks(jwk(EC_KEY, "k1")), **more) as running:
        for typ in ("JWT", "at+jwt", "access+jwt", "logout+jwt"):
            listed = typ in (types or ["JWT", "at+jwt"])
            assert await status(running, sign(claims(FIRST), typ=typ)) == (200 if listed else 401), typ


def behind(**rules: dict[str, Any]) -> Any:
    """Return routes `/NAME/` with these rules, and one without any."""

    def routes(upstream: str) -> list[dict[str, Any]]:
        named = [
            {"name": name, "match": {"path": f"/{name}/"}, "require": rule, "upstream": upstream}
            for name, rule in rules.items()
        ]
        return [*named, {"name": "echo", "match": {"path": "/echo/"}, "upstream": upstream}]

    return routes


async def test_a_role_in_an_organization_is_no_role_of_ours(examples: Examples, tmp_path: Path) -> None:
    rules = {
        "ours": {"roles": ["admin"]},
        "theirs": {"organizations": ["org_1"], "organization_roles": ["admin"]},
        "either": {"any_of": [{"roles": ["admin"]}, {"organizations": ["org_1"], "organization_roles": ["admin"]}]},
        "neither": {"not": {"organization_roles": ["admin"]}},
    }
    customer, member, staff = (
        claims(FIRST, jti="c", org_id="org_evil", org_role="admin", roles=["user"]),
        claims(FIRST, jti="m", org_id="org_1", org_role="admin"),
        claims(FIRST, jti="s", roles=["admin"]),
    )
    expected = {
        "ours": (403, 403, 200),
        "theirs": (403, 200, 403),
        "either": (403, 200, 200),
        "neither": (403, 403, 200),
    }
    async with trusting_first(examples, tmp_path, Jwks(jwk(EC_KEY, "k1")), {"routes": behind(**rules)}) as running:
        for name, statuses in expected.items():
            target = f"/{name}/".encode()
            assert tuple([await status(running, sign(who), target) for who in (customer, member, staff)]) == statuses
        seen = await running.attack(get(b"/echo/", b"Authorization: Bearer " + sign(customer).encode()))
        told = seen.received[0]
        assert (told.all(b"x-user-roles"), told.all(b"x-org-role")) == ([b"user"], [b"admin"])


async def test_an_address_that_its_issuer_calls_unverified_is_no_ones(examples: Examples, tmp_path: Path) -> None:
    domain = {"email_domains": ["example.com"]}
    rules = {"strict": domain, "lax": domain | {"unverified_emails": True}}
    async with trusting_first(examples, tmp_path, Jwks(jwk(EC_KEY, "k1")), {"routes": behind(**rules)}) as running:
        for said, strict in ((True, 200), ("true", 200), (None, 200), (False, 403), ("false", 403), (0, 403)):
            token = sign(claims(FIRST, email="u1@example.com", email_verified=said))
            assert (await status(running, token, b"/strict/"), await status(running, token, b"/lax/")) == (strict, 200)
        token = sign(claims(FIRST, email="u1@example.com"))
        assert await status(running, token, b"/strict/") == 200


async def test_an_introspected_token_with_odd_times_is_served(examples: Examples, tmp_path: Path) -> None:
    ahead = int(datetime.now(UTC).timestamp()) + 5
    odd = ({"exp": 0}, {"exp": -1}, {"exp": 2**63 - 1}, {"exp": "never"}, {"nbf": ahead})
    shown = []

    async def introspect(request: web.BaseRequest) -> web.StreamResponse:
        shown.append(dict(parse_qsl((await request.read()).decode())))
        return web.json_response({"active": True, "sub": "u1", **odd[int(shown[-1]["token"])]})

    (tmp_path / "client.pem").write_bytes(
        ED_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    async with listening(introspect) as port:
        url = f"http://127.0.0.1:{port}/introspect"
        ours = {"auth": "private_key_jwt", "client_id": "gw", "private_key_file": str(tmp_path / "client.pem")}
        opaque = {"kind": "introspection", "url": url, "timeout": "10s"} | ours
        credentials = READERS | {"token": {"kind": "bearer", "authority": "opaque"}}
        known = {"opaque": opaque, "accounts": examples.settings(tmp_path)}
        async with victim(examples, tmp_path, authorities=known, credentials=credentials) as running:
            for number, times in enumerate(odd):
                assert await status(running, str(number)) == 200, times
    assertion = pyjwt.decode(shown[0]["client_assertion"], ED_KEY.public_key(), ["EdDSA"], audience=url)
    assert (assertion["iss"], assertion["sub"]) == ("gw", "gw")


async def test_claims_of_any_shape_are_roles_headers_and_rules(examples: Examples, tmp_path: Path) -> None:
    rules = {
        "sales": {"claims": {"department": ["sales"], "profile.level": [3, 4]}},
        "admin": {"roles": ["admin"]},
    }
    headers = {"preset": "default", "claims.department": "X-Department", "claims.profile.level": "X-Level"}
    sections = {"routes": behind(**rules), "identity": {"headers": headers}}
    paths = {"roles": 'resource_access."my.app".roles', "free": {"department": "https://id.example/departments[].name"}}
    said = {
        "resource_access": {"my.app": {"roles": {"admin": {"1": "a.example"}}}},
        "https://id.example/departments": [{"name": "sales"}, {"name": "Süd, Ost"}],
        "profile": {"level": 3},
    }
    paths["free"] = {"department": '"https://id.example/departments"[].name'}
    jwks = Jwks(jwk(EC_KEY, "k1"))
    async with trusting_first(examples, tmp_path, jwks, sections, claims=paths) as running:
        token = sign(claims(FIRST, **said))
        for target, expected in ((b"/sales/", 200), (b"/admin/", 200)):
            assert await status(running, token, target) == expected
        other = sign(claims(FIRST, profile={"level": 5}, **{"https://id.example/departments": [{"name": "sales"}]}))
        for target in (b"/sales/", b"/admin/"):
            assert await status(running, other, target) == 403
        for bare, department in ((token, [b"sales,S%C3%BCd%2C Ost"]), (sign(claims(FIRST, jti="bare")), [])):
            forged = b"X-Department: forged", b"x_department: forged", b"X-LEVEL: 9", b"x.level: 9"
            seen = await running.attack(get(b"/echo/", b"Authorization: Bearer " + bare.encode(), *forged))
            (received,) = seen.received
            assert received.all(b"x-department") == department
            assert received.all(b"x-level") == ([b"3"] if department else [])
            assert b"forged" not in received.raw


async def test_an_issuer_alone_is_enough_where_it_has_a_document(examples: Examples, tmp_path: Path) -> None:
    where = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": where[0], "jwks_uri": f"{where[0]}/keys"})
        return web.json_response({"keys": [jwk(EC_KEY, "k1")]})

    async with listening(answer) as port:
        where.append(f"http://127.0.0.1:{port}")
        first = {"kind": "jwt", "issuer": where[0], "audience": "orders", "timeout": "10s"}
        async with trusting(examples, tmp_path, {"first": first}) as running:
            assert await status(running, sign(claims(where[0]))) == 200
            assert await status(running, sign(claims(where[0]), OTHER_EC_KEY)) == 401
            where[0] = "https://another.example"


async def test_a_shared_secret_verifies_by_hmac_alone(examples: Examples, tmp_path: Path) -> None:
    secret = "a-secret-that-the-issuer-and-we-share"
    first = {"kind": "jwt", "issuer": FIRST, "audience": "orders", "shared_secret": secret}
    async with trusting(examples, tmp_path, {"first": first}) as running:
        assert await status(running, pyjwt.encode(claims(FIRST), secret)) == 200
        for forged in (
            pyjwt.encode(claims(FIRST), "x" * 32),
            sign(claims(FIRST)),
            forge({"alg": "none"}, claims(FIRST)),
        ):
            assert await status(running, forged) == 401
        assert secret.encode() not in running.gateway.log()


async def test_why_a_token_is_refused_is_in_the_log_and_told_to_nobody(examples: Examples, tmp_path: Path) -> None:
    now = int(datetime.now(UTC).timestamp())
    old = {"iat": now - 3600}  # an older key cannot have been published a moment ago
    refused = {
        "aud is 'billing', not 'orders'": sign(claims(FIRST, aud="billing")),
        f"iss is '{FIRST}/', not '{FIRST}'": sign(claims(f"{FIRST}/")),
        "ahead of": sign(claims(FIRST, nbf=now + 3600)),
        "it has no subject at sub": sign(claims(FIRST, sub=None)),
        "alg is 'HS256', not ": pyjwt.encode(claims(FIRST), "x" * 32),
        "typ is 'logout+jwt', not ": sign(claims(FIRST), typ="logout+jwt"),
        "the issuer publishes no key 'none' for ES256": sign(claims(FIRST, **old), OTHER_EC_KEY, kid="none"),
        "its signature is not of the issuer's key 'k1'": sign(claims(FIRST, **old), OTHER_EC_KEY),
        "exp is 1, and it is": sign(claims(FIRST, exp=1)),
    }
    async with trusting_first(examples, tmp_path, Jwks(jwk(EC_KEY, "k1"))) as running:
        assert await status(running, sign(claims(FIRST))) == 200
        for token in refused.values():
            assert await status(running, token) == 401
        lines = [line for line in running.gateway.log().splitlines() if b'"log":"access"' in line.replace(b": ", b":")]
    details = [json.loads(line).get("detail", "") for line in lines[1:]]
    assert len(details) == len(refused)
    for detail, expected in zip(details, refused, strict=True):
        assert expected in detail
