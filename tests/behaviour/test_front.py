"""The front: what it reads, what it refuses by itself, and how it lets go. Raw bytes over a socket."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.front.serving import FrontLimits
from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX\x00: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h:x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: h\r\n\r\n",
        b"GET /\r\nHost: h\r\n\r\n",
        b"GET / x HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\nx",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\x00\x00\r\n\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_400_in_our_words(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        with caplog.at_level(logging.DEBUG, logger="aiohttp"):
            await client.send(request_bytes)
            found = await client.response()
        assert found.status == 400
        assert found.json()["error"]["code"] == "malformed_request"
        assert not upstream.requests
        assert not caplog.records


async def test_garbage_is_answered_once_and_ends_the_connection() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(GET)
            assert (await client.response()).status == 200
            await client.send(b"garbage <script>\r\n\r\n" + GET)
            refused = await client.response()
            assert (refused.status, refused.one(b"connection")) == (400, b"close")
            assert b"script" not in refused.body
            assert await client.read_all() == b""
        assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 17 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: " + b"y" * 400 + b"\r\n", 431),
        (b"GET /" + b"x" * 1100 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    ],
)
async def test_heads_are_bounded(request_bytes: bytes, status: int) -> None:
    limits = FrontLimits(head_bytes=2048, headers=16, target_bytes=1024)
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port), limits=limits) as front,
        raw_client(front.port) as client,
    ):
        await client.send(request_bytes)
        if request_bytes.endswith(b"y\r\n"):
            await client.send(b"X: " + b"y" * 2000 + b"\r\n")
        assert (await client.response()).status == status
        assert not upstream.requests


async def test_many_small_fields_are_bounded_together() -> None:
    limits = FrontLimits(head_bytes=2048)
    async with recording_upstream() as upstream, carrying(route_to(upstream.port), limits=limits) as front:
        fields = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 100) for number in range(30))
        assert (await exchange(front.port, b"GET / HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n")).status == 431
        assert not upstream.requests


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([b"Cookie: " + b";".join([b"a=1"] * 8)], 200),
        ([b"Cookie: " + b";".join([b"a=1"] * 9)], 431),
        ([b"Cookie: a=1", b"cookie: " + b";".join([b"a=1"] * 8)], 431),
        ([b"Cookie: " + b";" * 16000], 431),
        ([b"Cookie2: " + b";" * 16000], 200),
    ],
)
async def test_cookies_are_bounded(fields: list[bytes], status: int) -> None:
    limits = FrontLimits(cookies=8)
    async with recording_upstream() as upstream, carrying(route_to(upstream.port), limits=limits) as front:
        raw = b"\r\n".join((b"GET / HTTP/1.1", b"Host: h", *fields, b"", b""))
        assert [(await exchange(front.port, raw)).status for _ in range(3)] == [status] * 3
        assert len(upstream.requests) == (3 if status == 200 else 0)


async def test_a_head_that_does_not_arrive_in_time_is_408() -> None:
    async with (
        carrying(route_to(1), limits=FrontLimits(head_timeout=0.05)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost:")
        found = await client.response()
        assert (found.status, found.json()["error"]["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("begun", [b"G", b"\r\nGET / HT", b"GET / HTTP/1.1\r\nHost: h\r\nA:"])
async def test_a_head_that_began_behind_another_request_is_whole_in_the_same_time(first: bytes, begun: bytes) -> None:
    """With the time of an idle connection it would never be told within this test's patience."""
    limits = FrontLimits(head_timeout=0.05, idle=3600.0)
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port), limits=limits) as front,
        raw_client(front.port) as client,
    ):
        await client.send(first + begun)
        assert [(await client.response()).status for _ in range(2)] == [200, 408]


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with (
        carrying(route_to(1), limits=FrontLimits(head_timeout=0.05)) as front,
        raw_client(front.port) as client,
    ):
        assert await client.read_all() == b""


async def test_an_idle_connection_is_closed() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port), limits=FrontLimits(idle=0.05)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET)
        assert (await client.response()).status == 200
        assert await client.read_all() == b""


async def test_a_body_that_stalls_is_408_and_the_upstream_is_told() -> None:
    told = asyncio.Event()

    async def wait(side: UpstreamSide) -> None:
        await side.head()
        await side.closed()
        told.set()

    async with (
        recording_upstream(wait) as upstream,
        carrying(route_to(upstream.port), limits=FrontLimits(body_stall=0.05)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + bytes(70_000))
        assert (await client.response()).status == 408
        async with asyncio.timeout(5):
            await told.wait()
        assert (await front.record()).fault == "client stalled"


async def test_a_slow_answer_is_not_taken_for_an_idle_connection() -> None:
    answer = asyncio.Event()

    async def slow(side: UpstreamSide) -> None:
        await side.request()
        await answer.wait()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    limits = FrontLimits(idle=0.02, head_timeout=0.02, body_stall=0.02)
    async with (
        recording_upstream(slow) as upstream,
        carrying(route_to(upstream.port), limits=limits) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
        await upstream.arrived.wait()
        await asyncio.sleep(0.1)  # longer than every limit: nothing may happen, so there is nothing to wait for
        answer.set()
        assert (await client.response()).status == 200


async def test_connections_are_bounded() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port), limits=FrontLimits(connections=1)) as front,
        raw_client(front.port) as first,
    ):
        await first.send(GET)
        assert (await first.response()).status == 200
        async with raw_client(front.port) as second:
            found = await second.response()
            assert (found.status, found.one(b"retry-after")) == (503, b"1")
        await first.send(GET)
        assert (await first.response()).status == 200


async def test_a_refused_body_is_dropped_and_the_connection_kept() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port, body_bytes=10)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000 + GET)
        assert (await client.response()).status == 413
        assert (await client.response()).status == 200
