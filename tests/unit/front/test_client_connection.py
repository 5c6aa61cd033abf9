from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.front.arrival import FrontLimits
from gateway.front.server import GatewayServer, Handler
from gateway.http1.faults import ExchangeError
from gateway.model.decision import Response
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer
from gateway.wiring.process import wall_clock
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.fakes.fake_transport import FakeTransport
from tests.support.servers.fronts import front, refuse

GET = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"


async def tell_target(request: DownstreamRequest) -> EndpointAnswer:
    return Response(200, body=request.target.encode())


@contextlib.asynccontextmanager
async def serving(handler: Handler = tell_target, limits: FrontLimits | None = None) -> AsyncIterator[RawClient]:
    async with front(handler, limits or FrontLimits()) as port, raw_client(port) as client:
        yield client


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async with serving() as client:
        await client.send(GET + GET.replace(b"GET /1", b"GET /2"))
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]


async def test_a_body_nobody_reads_does_not_become_the_next_request() -> None:
    async with serving() as client:
        await client.send(b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(GET), GET) + GET)
        assert (await client.response()).body == b"/1"
        assert (await client.response()).body == b"/1"
        await client.send(GET.replace(b"GET /1", b"GET /3"))
        assert (await client.response()).body == b"/3"


async def test_a_compressed_body_is_not_unpacked() -> None:
    async def count(request: DownstreamRequest) -> EndpointAnswer:
        return Response(200, body=await request.content.read())

    async with serving(count) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")
        assert (await client.response()).body == b"nope"


async def test_a_handler_is_cancelled_when_its_caller_leaves() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_request: DownstreamRequest) -> EndpointAnswer:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(wait) as client:
        await client.send(GET)
        await begun.wait()
        client.abort()
        async with asyncio.timeout(5):
            await cancelled.wait()


@pytest.mark.parametrize("lost", [None, TimeoutError(), ssl.SSLError()])
async def test_however_a_caller_is_lost_its_body_tells_that_it_has_gone(lost: OSError | None) -> None:
    begun: asyncio.Future[DownstreamRequest] = asyncio.get_running_loop().create_future()

    async def wait(request: DownstreamRequest) -> EndpointAnswer:
        begun.set_result(request)
        await asyncio.Event().wait()
        raise AssertionError

    connection = GatewayServer(wait, FrontLimits(), refuse, wall_clock)()
    connection.connection_made(FakeTransport())
    connection.data_received(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n")
    request = await begun
    connection.connection_lost(lost)
    assert isinstance(request.content.exception(), ConnectionError)


async def test_a_handler_that_fails_ends_its_connection(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_request: DownstreamRequest) -> EndpointAnswer:
        raise RuntimeError("half an answer was sent")

    async with serving(fail) as client:
        await client.send(GET)
        assert await client.read_all() == b""
    assert "connection_failed" in "".join(capsys.readouterr())


@pytest.mark.parametrize("cut", [1, 5, 16])
async def test_a_head_may_arrive_in_pieces(cut: int) -> None:
    async with serving(limits=FrontLimits(head_bytes=1024)) as client:
        for start in range(0, len(GET), cut):
            await client.send(GET[start : start + cut])
            await asyncio.sleep(0)
        assert (await client.response()).body == b"/1"


async def test_many_pipelined_heads_are_weighed_one_by_one() -> None:
    async with serving(limits=FrontLimits(head_bytes=1024)) as client:
        await client.send(GET * 100)
        assert {(await client.response()).status for _ in range(100)} == {200}


async def test_as_many_requests_follow_one_whose_body_came_late_as_any_other() -> None:
    begun = asyncio.Event()

    async def read(request: DownstreamRequest) -> EndpointAnswer:
        begun.set()
        return Response(200, body=await request.content.read())

    async with serving(read) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n")
        await begun.wait()
        await client.send(b"x")
        assert (await client.response()).body == b"x"
        await client.send(GET * 40)
        assert {(await client.response()).status for _ in range(40)} == {200}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n", b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"3\r\nabc\r\n", b"abc", b" ", b"\x00", b":",
                    b"Connection: upgrade\r\n", b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n", GET,
                    b"Expect: 100-continue\r\n",
                ]
            ),
        ),
        max_size=12,
    ),
    head=st.sampled_from([b"", b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    at_once=st.booleans(),
)  # fmt: skip
def test_no_bytes_of_a_caller_hang_or_break_a_connection(pieces: list[bytes], head: bytes, at_once: bool) -> None:
    async def read(request: DownstreamRequest) -> EndpointAnswer:
        with contextlib.suppress(ExchangeError):
            return Response(200, body=await request.content.read())
        return Response(400)

    async def send() -> bytes:
        limits = FrontLimits(head_timeout=0.05, body_stall=0.05, idle=0.05)
        async with serving(read, limits) as client:
            with contextlib.suppress(ConnectionError):
                for piece in [head + b"".join(pieces)] if at_once else [head, *pieces]:
                    await client.send(piece)
                    await asyncio.sleep(0)
            return await client.read_all()

    received = asyncio.run(send())
    assert not received or received.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in received
