"""An issuer's UserInfo endpoint that says whose a token is, through the whole gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.builders.product_examples import OIDC_USERINFO_JSON
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import Gateway, config, serving
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import recording_upstream

ROUTES = [
    {"name": "inner", "match": {"path": "/inner/"}, "require": {"email_domains": ["example.com"]}},
    {"name": "rest", "match": {"path": "/"}},
]


async def issuer(request: web.BaseRequest) -> web.StreamResponse:
    """Answer as issuers do: one good token, one without the scope `openid`."""
    token = request.headers.get("Authorization", "")
    if token == "Bearer narrow":
        return web.json_response({"error": "insufficient_scope"}, status=403)
    if token == "Bearer unverified":
        return web.json_response({**OIDC_USERINFO_JSON, "email_verified": False})
    if token != "Bearer good":
        return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return web.json_response(OIDC_USERINFO_JSON)


async def ask(gateway: Gateway, path: str, token: str) -> RawResponse:
    head = f"GET {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    return await exchange(gateway.port, head.encode())


async def test_a_token_is_its_user_s_and_what_the_issuer_refuses_is_refused(tmp_path: Path) -> None:
    async with listening(issuer) as port, recording_upstream() as upstream:
        remote = {"kind": "remote", "dialect": "oidc_userinfo", "url": f"http://127.0.0.1:{port}/userinfo"}
        whole: dict[str, Any] = config(
            upstream.port, {}, credentials={"token": {"kind": "bearer", "authority": "accounts"}}
        )
        whole["authorities"] = {"accounts": remote}
        whole["routes"] = [{**whole["routes"][0], **each} for each in ROUTES]
        async with serving(whole, tmp_path) as gateway:
            statuses = {token: (await ask(gateway, "/a", token)).status for token in ("good", "narrow", "bad")}
            inner = [(await ask(gateway, "/inner/a", token)).status for token in ("good", "unverified")]
            who = (await ask(gateway, "/_gateway/session", "good")).json()["session"]
    assert statuses == {"good": 200, "narrow": 403, "bad": 401}
    assert inner == [200, 403]  # an address that its issuer calls unverified meets no rule about addresses
    assert (who["subject"], who["user"]["username"]) == ("248289761001", "j.doe")
