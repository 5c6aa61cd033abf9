from __future__ import annotations

from aiohttp import web

from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.open_http_client import open_http_client
from gateway.dialects.dialect import RemoteResponse
from tests.support.servers.low_level import listening


async def test_a_client_asks_its_url_for_what_it_accepts() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=f"{request.path} {request.headers['Accept']}")

    async with listening(answer) as port:
        client = open_http_client(f"http://127.0.0.1:{port}/keys", HttpAuthoritySettings(), accept="text/plain")
        found = await client.get()
        await client.close()
    assert found == RemoteResponse(200, "text/plain", b"/keys text/plain")
