"""oauth2-proxy itself, beside ours on the same requests, and as a remote authority that we ask."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import Gateway, config, serving
from tests.support.servers.issuer import OTHER_EC_KEY, RSA_KEY, jwk, sign
from tests.support.servers.low_level import listening
from tests.support.servers.oauth2_proxy import oauth2_proxy
from tests.support.servers.ports import free_port

PEOPLE = {
    "ada": {"email": "ada@example.com", "groups": ["staff", "admins"], "preferred_username": "ada.l"},
    "bob": {"email": "bob@example.org", "groups": [], "preferred_username": "bob"},
    "eve": {"email": "eve@sub.example.com", "groups": ["guests"], "preferred_username": "eve"},
}
QUERIES = [
    "",
    "?allowed_groups=admins",
    "?allowed_groups=nobody,staff",
    "?allowed_groups=guests&allowed_groups=admins",
    "?allowed_emails=ada%40example.com,bob@example.org",
    "?allowed_email_domains=example.com",
    "?allowed_email_domains=.example.com",
    "?allowed_email_domains=*.example.com",
    "?allowed_email_domains=ample.com",
    "?allowed_groups=staff&allowed_email_domains=example.org",
    "?allowed_groups=",
]
FIELDS = (
    b"GAP-Auth",
    *(f"X-Auth-Request-{name}".encode() for name in ("User", "Email", "Groups", "Preferred-Username")),
)


class Both:
    """oauth2-proxy and ours, which know the same issuer."""

    def __init__(self, issuer: str, theirs: int, gateway: Gateway) -> None:
        self._issuer = issuer
        self.theirs = theirs
        self.ours = gateway.port

    def token(self, person: str, key: Any = RSA_KEY, **more: Any) -> str:
        now = int(time.time())  # noqa: TID251 - a token of now
        claims = {"iss": self._issuer, "aud": "orders", "sub": person, "iat": now, "exp": now + 600}
        claims |= {"email_verified": True} | PEOPLE.get(person, {}) | more
        return sign(claims, key, "RS256" if key is RSA_KEY else "ES256", kid="r1")

    async def ask(self, path: str, token: str | None) -> tuple[RawResponse, RawResponse]:
        shown = [] if token is None else [f"Authorization: Bearer {token}"]
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: app.test", "Connection: close", *shown, "", ""]).encode()
        theirs, ours = await asyncio.gather(exchange(self.theirs, head), exchange(self.ours, head))
        return theirs, ours


@contextlib.asynccontextmanager
async def issuing() -> AsyncIterator[str]:
    """Serve an issuer's document and keys; yields its URL."""
    url = ""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/jwks":
            return web.json_response({"keys": [jwk(RSA_KEY, "r1", alg="RS256", use="sig")]})
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "userinfo_endpoint": "userinfo"}
        document = {"issuer": url, "jwks_uri": f"{url}/jwks"} | {key: f"{url}/{path}" for key, path in paths.items()}
        return web.json_response(document | {"id_token_signing_alg_values_supported": ["RS256"]})

    async with listening(answer) as port:
        url = f"http://127.0.0.1:{port}"
        yield url


def served(issuer: str) -> dict[str, Any]:
    claims = {"roles": "groups", "username": "preferred_username"}
    tokens = {"kind": "jwt", "issuer": issuer, "audience": "orders", "jwks_url": f"{issuer}/jwks", "claims": claims}
    tokens |= {"jwks_cooldown": "1ms"}  # else a token by a foreign key is 503 until its key may be looked for again
    readers = {"token": {"kind": "bearer", "authority": "tokens"}}
    info = [{"dialect": "oauth2_proxy", "credentials": ["token"]}]
    return config(1, {}, credentials=readers, session_info=info, authorities={"tokens": tokens}) | {"routes": []}


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    port = free_port()
    options = ("--skip-jwt-bearer-tokens=true", "--set-xauthrequest=true", "--upstream=static://200")
    async with (
        issuing() as issuer,
        oauth2_proxy(port, issuer, "orders", "unused", *options),
        serving(served(issuer), tmp_path) as gateway,
    ):
        yield Both(issuer, port, gateway)


def media_type(response: RawResponse) -> bytes | None:
    return response.one(b"Content-Type")


async def test_ours_answers_as_oauth2_proxy_does(both: Both) -> None:
    for person in PEOPLE:
        theirs, ours = await both.ask("/oauth2/userinfo", both.token(person))
        assert (ours.status, ours.json(), media_type(ours)) == (theirs.status, theirs.json(), media_type(theirs))
        assert ours.status == 200
        for query in QUERIES:
            theirs, ours = await both.ask(f"/oauth2/auth{query}", both.token(person))
            assert (ours.status, ours.body) == (theirs.status, theirs.body), (person, query)
            if ours.status == 202:
                assert [ours.one(name) for name in FIELDS] == [theirs.one(name) for name in FIELDS]


@pytest.mark.parametrize("path", ["/oauth2/userinfo", "/oauth2/auth", "/oauth2/auth?allowed_groups=staff"])
async def test_ours_refuses_as_oauth2_proxy_does(both: Both, path: str) -> None:
    past = int(time.time()) - 60  # noqa: TID251 - a token of then
    bad = [None, "garbage", both.token("ada", OTHER_EC_KEY), both.token("ada", exp=past), both.token("ada", aud="x")]
    for token in bad:
        theirs, ours = await both.ask(path, token)
        assert (ours.status, ours.body) == (theirs.status, theirs.body) == (401, b"Unauthorized\n")
        assert media_type(ours) == media_type(theirs)


async def test_we_ask_oauth2_proxy_whose_a_token_is(both: Both, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{both.theirs}/oauth2/userinfo"
    remote = {"kind": "remote", "dialect": "oauth2_proxy", "url": url, "timeout": "10s"}
    readers = {"token": {"kind": "bearer", "authority": "login"}}
    whole = config(1, {}, credentials=readers, authorities={"login": remote}) | {"routes": []}
    folder = tmp_path / "asking"
    folder.mkdir()
    async with serving(whole, folder) as gateway:
        head = "GET /_gateway/session HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer "
        found = await exchange(gateway.port, f"{head}{both.token('ada')}\r\n\r\n".encode())
        refused = await exchange(gateway.port, f"{head}{both.token('ada', OTHER_EC_KEY)}\r\n\r\n".encode())
    session = found.json()["session"]
    assert (session["subject"], session["roles"]) == ("ada", ["staff", "admins"])
    assert (session["user"]["email"], session["user"]["username"]) == ("ada@example.com", "ada.l")
    assert refused.status == 401
