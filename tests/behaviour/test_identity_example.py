"""The example that services copy, against tokens as the gateway signs them and keys as it publishes them."""

from __future__ import annotations

import asyncio
import runpy
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from gateway.identity.identity_tokens import TYP, IdentityTokens
from gateway.model.session import Session
from gateway.signing import KeyRing
from tests.support.builders.credentials import credential
from tests.support.repository import DEPLOY

EXAMPLE = DEPLOY / "examples/identity_token.py"
ISSUER = "https://gateway.example.com"
SESSION = Session(subject="u1", id="s1", roles=("admin",))
RING = KeyRing.generate("ES256")


@pytest.fixture
async def check(aiohttp_server: AiohttpServer) -> Callable[[str], dict[str, Any]]:
    async def keys(_: web.Request) -> web.Response:
        return web.json_response(RING.jwks())

    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", keys)
    url = str((await aiohttp_server(app)).make_url("/.well-known/jwks.json"))
    verify: Callable[[str], dict[str, Any]] = runpy.run_path(str(EXAMPLE))["IdentityTokens"](ISSUER, "orders", url)
    return verify


def token(audience: str = "orders", *, ring: KeyRing = RING, issuer: str = ISSUER, age: float = 0.0) -> str:
    tokens = IdentityTokens(ring, issuer, 60.0, lambda: time.time() - age)  # noqa: TID251 - PyJWT's own clock is real
    ((_, value),) = tokens.header_for(SESSION, audience, credential())
    return value.decode("ascii")


async def test_a_service_reads_who_is_calling(check: Callable[[str], dict[str, Any]]) -> None:
    claims = await asyncio.to_thread(check, token())
    assert (claims["sub"], claims["sid"], claims["roles"]) == ("u1", "s1", ["admin"])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda: token("billing"), id="another service's"),
        pytest.param(lambda: token(issuer="https://gateway.example.com.evil.test"), id="another issuer's"),
        pytest.param(lambda: token(age=61), id="expired"),
        pytest.param(lambda: token(ring=KeyRing.generate("ES256")), id="another key's"),
        pytest.param(lambda: token()[:-4] + "AAAA", id="forged"),
        pytest.param(lambda: "", id="empty, as nobody's is"),
        pytest.param(lambda: RING.sign("at+jwt", claims()), id="an access token"),
        pytest.param(lambda: RING.sign(TYP, claims(sub=None)), id="nobody's"),
    ],
)
async def test_a_service_refuses_everything_else(
    check: Callable[[str], dict[str, Any]], bad: Callable[[], str]
) -> None:
    with pytest.raises(jwt.PyJWTError):
        await asyncio.to_thread(check, bad())


def claims(**changed: object) -> dict[str, Any]:
    now = int(time.time())  # noqa: TID251 - PyJWT's own clock is real
    whole = {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": now, "exp": now + 60, **changed}
    return {name: value for name, value in whole.items() if value is not None}
