from __future__ import annotations

import asyncio

import pytest
from aiohttp import http_parser, web
from aiohttp.http_parser import HttpRequestParserPy

from gateway.endpoints.refusals import refusal_response
from gateway.model.errors import GatewayError
from gateway.model.refusal import Refusal
from gateway.runtime.arrival import FrontLimits
from gateway.runtime.server import GatewayServer, require_c_parser
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


async def test_a_connection_that_looks_idle_is_given_a_moment_for_a_request_on_its_way() -> None:
    server = GatewayServer(answer, FrontLimits(), refuse)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with raw_client(listener.sockets[0].getsockname()[1]) as client:
        await client.send(GET)
        assert (await client.response()).one(b"connection") is None
        listener.close()
        closing = asyncio.gather(server.close(20.0, 10.0))
        await asyncio.sleep(0)
        await client.send(GET)
        response = await client.response()
        assert (response.status, response.one(b"connection")) == (200, b"close")
        await asyncio.wait_for(closing, 5.0)


async def test_an_answer_that_promised_to_stay_is_followed_by_one_that_says_close() -> None:
    """The process began to leave after the head had gone out: whoever sends a second request on it is answered."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.BaseRequest) -> web.StreamResponse:
        if begun.is_set():
            return web.Response(body=b"ok")
        response = web.StreamResponse(headers={"Content-Length": "2"})
        await response.prepare(request)
        begun.set()
        await may_end.wait()
        await response.write(b"ok")
        return response

    server = GatewayServer(slowly, FrontLimits(), refuse)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with raw_client(listener.sockets[0].getsockname()[1]) as client:
        await client.send(GET)
        await begun.wait()
        server.drain()
        may_end.set()
        assert (await client.response()).one(b"connection") is None
        await client.send(GET)
        assert (await client.response()).one(b"connection") == b"close"
    listener.close()
    await server.close(1.0)
