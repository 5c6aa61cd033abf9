from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from gateway.front import lingering
from gateway.front.arrival import FrontLimits
from gateway.front.lingering import drop_rest
from gateway.front.server import GatewayServer
from gateway.http1.faults import ExchangeError, Fault
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer
from gateway.wiring.process import wall_clock
from tests.support.clients.raw_http import PATIENCE, RawClient, raw_client
from tests.support.servers.fronts import refuse


def body() -> StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.transport = asyncio.Transport()
    return StreamReader(protocol, 2**16, loop=loop)


async def test_the_rest_of_a_body_is_read_to_its_end() -> None:
    payload = body()
    payload.feed_data(b"abc")
    asyncio.get_running_loop().call_soon(payload.feed_eof)
    assert await drop_rest(payload)
    assert payload.at_eof()


@pytest.mark.parametrize("fault", [ExchangeError(Fault.CLIENT_STALLED), web.RequestPayloadError()])
async def test_a_body_that_fails_has_no_end(fault: Exception) -> None:
    payload = body()
    payload.set_exception(fault)
    assert not await drop_rest(payload)


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_LINGER_SECONDS", 0.01)
    assert not await drop_rest(body())


@contextlib.asynccontextmanager
async def refusing() -> AsyncIterator[tuple[GatewayServer, RawClient]]:
    """Yield a front that has refused what its one caller sent, and that caller."""

    async def never(_request: DownstreamRequest) -> EndpointAnswer:
        raise AssertionError

    server = GatewayServer(never, FrontLimits(), refuse, wall_clock)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with raw_client(listener.sockets[0].getsockname()[1]) as client:
        await client.send(b"garbage\r\n\r\n")
        yield server, client
    listener.close()
    await server.close(0.0)


async def test_a_caller_that_still_sends_reads_its_last_answer() -> None:
    async with refusing() as (server, client):
        await client.send(b"x" * 1_000_000)
        answer = await client.response()
        assert (answer.status, answer.one(b"connection")) == (400, b"close")
        assert await client.read_all() == b""
        assert len(server.connections) == 1
        await client.send(b"x")
        client.abort()
        await server.close(PATIENCE, idle=PATIENCE)
        assert not server.connections


async def test_a_caller_that_does_not_leave_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_LINGER_SECONDS", 0.01)
    async with refusing() as (server, client):
        assert (await client.response()).status == 400
        await server.close(PATIENCE, idle=PATIENCE)
        assert not server.connections
