from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import http_parser
from aiohttp.http_parser import HttpRequestParserPy
from aiohttp.web_protocol import RequestHandler

from gateway.front.arrival import FrontLimits
from gateway.front.server import GatewayServer, require_c_parser
from gateway.model.decision import Response
from gateway.model.errors import GatewayError
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer, Forwarded
from gateway.wiring.process import wall_clock
from tests.support.clients.raw_http import PATIENCE, exchange, raw_client
from tests.support.servers.fronts import refuse

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


async def answer(_request: DownstreamRequest) -> EndpointAnswer:
    return Response(200, body=b"ok")


def test_the_python_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_c_parser()
    monkeypatch.setattr(http_parser, "HttpRequestParser", HttpRequestParserPy)
    with pytest.raises(GatewayError, match="C extension"):
        require_c_parser()


async def test_every_limit_reaches_the_connection() -> None:
    server = GatewayServer(answer, FrontLimits(head_bytes=4096, headers=9, target_bytes=512), refuse, wall_clock)
    connection = server()
    assert (connection.max_field_size, connection.max_headers, connection.max_line_size) == (4096, 9, 512)


async def test_connections_are_counted_while_they_last() -> None:
    server = GatewayServer(answer, FrontLimits(connections=1), refuse, wall_clock)
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


class Watched(GatewayServer):
    """Tells when a connection has gone."""

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.lost.set()

    lost: asyncio.Event


async def test_a_caller_that_reads_no_answers_is_cut_off_before_many_of_them_wait() -> None:
    answered = 0

    async def answer_much(_request: DownstreamRequest) -> EndpointAnswer:
        nonlocal answered
        answered += 1
        return Response(200, body=bytes(2**20))

    server = Watched(answer_much, FrontLimits(body_stall=0.05), refuse, wall_clock)
    server.lost = asyncio.Event()
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*listener.sockets[0].getsockname(), limit=1)
    writer.write(GET * 1000)
    await server.lost.wait()
    assert answered < 50
    writer.close()
    listener.close()
    await server.close(0.0)


@contextlib.asynccontextmanager
async def unread(limits: FrontLimits, *, closes: bool = False) -> AsyncIterator[Watched]:
    """Yield a server that has answered a caller which reads nothing, with less than makes it pause."""
    answered = asyncio.Event()

    async def answer_much(_request: DownstreamRequest) -> EndpointAnswer:
        answered.set()
        return Response(200, body=bytes(100_000), closes=closes)

    server = Watched(answer_much, limits, refuse, wall_clock)
    server.lost = asyncio.Event()
    with socket.socket() as listening, socket.socket() as caller:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel's least
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        listening.bind(("127.0.0.1", 0))
        listener = await asyncio.get_running_loop().create_server(server, sock=listening)
        caller.connect(listening.getsockname())
        caller.sendall(GET)
        await answered.wait()
        yield server
        listener.close()


@pytest.mark.parametrize("closes", [True, False])
async def test_a_caller_that_does_not_read_its_last_answer_keeps_no_place(closes: bool) -> None:
    async with unread(FrontLimits(idle=0.05, body_stall=0.05), closes=closes) as server:
        async with asyncio.timeout(PATIENCE):
            await server.lost.wait()
        assert not server.connections


async def test_a_caller_that_does_not_read_keeps_nobody_from_ending() -> None:
    async with unread(FrontLimits()) as server:
        async with asyncio.timeout(PATIENCE):
            await server.close(0.1)
        assert not server.connections


async def test_answers_of_our_own_close_while_draining_too() -> None:
    server = GatewayServer(answer, FrontLimits(), refuse, wall_clock)
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
    server = GatewayServer(answer, FrontLimits(), refuse, wall_clock)
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

    async def slowly(request: DownstreamRequest) -> EndpointAnswer:
        if begun.is_set():
            return Response(200, body=b"ok")
        transport = request.connection.transport
        assert transport is not None
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        begun.set()
        await may_end.wait()
        transport.write(b"ok")
        return Forwarded(200, keep_alive=True)

    server = GatewayServer(slowly, FrontLimits(), refuse, wall_clock)
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
