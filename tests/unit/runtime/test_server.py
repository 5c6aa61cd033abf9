from __future__ import annotations

import asyncio

import pytest
from aiohttp import http_parser, web
from aiohttp.http_parser import HttpRequestParserPy

from gateway.endpoints.refusals import refusal_response
from gateway.model.errors import GatewayError
from gateway.model.refusal import Refusal
from gateway.runtime.server import FrontLimits, GatewayServer, require_c_parser
from tests.support.raw_http import exchange, raw_client

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


async def answer(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b"ok")


def refuse(_request: web.BaseRequest, refusal: Refusal) -> web.StreamResponse:
    return refusal_response(refusal, "front")


def test_the_python_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_c_parser()
    monkeypatch.setattr(http_parser, "HttpRequestParser", HttpRequestParserPy)
    with pytest.raises(GatewayError, match="C extension"):
        require_c_parser()


async def test_every_limit_reaches_the_connection() -> None:
    server = GatewayServer(answer, FrontLimits(head_bytes=4096, headers=9, target_bytes=512), refuse)
    connection = server()
    assert (connection.max_field_size, connection.max_headers, connection.max_line_size) == (4096, 9, 512)


async def test_connections_are_counted_while_they_last() -> None:
    server = GatewayServer(answer, FrontLimits(connections=1), refuse)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    assert (await exchange(port, GET)).status == 200
    async with raw_client(port) as client:
        await client.send(GET)
        assert (await client.response()).status == 200
        assert (len(server.connections), server.is_full) == (1, False)
    listener.close()
    await server.close(1.0)
    assert not server.connections


async def test_answers_of_our_own_close_while_draining_too() -> None:
    server = GatewayServer(answer, FrontLimits(), refuse)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with raw_client(listener.sockets[0].getsockname()[1]) as client:
        await client.send(GET)
        assert (await client.response()).one(b"connection") is None
        server.drain()
        await client.send(GET)
        assert (await client.response()).one(b"connection") == b"close"
        assert await client.read_all() == b""
    listener.close()
    await server.close(1.0)
