"""Bodies both ways, through real sockets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from tests.support.clients.raw_http import RawClient, conversation, exchange, raw_client
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_a_get_is_carried_byte_for_byte() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        found = await exchange(front.port, b"GET /a?b=1 HTTP/1.1\r\nHost: h\r\nX-a: 1\r\n\r\n")
        assert (found.status, found.body) == (200, b"ok")
        names = b"X-Request-Id: req-1\r\ntraceparent: \r\n"
        assert upstream.requests[0].raw == b"GET /a?b=1 HTTP/1.1\r\nHost: h\r\nX-a: 1\r\n" + names + b"\r\n"


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
async def test_a_body_of_known_length_arrives_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
        assert (await exchange(front.port, head + body)).status == 200
        assert upstream.requests[0].body == body
        assert upstream.requests[0].all(b"content-length") == [b"%d" % size]
        assert not upstream.requests[0].all(b"transfer-encoding")


@pytest.mark.parametrize("chunks", [[], [b"abc"], [b"x" * 70_000, b"y", b"z" * 200_000]])
async def test_a_chunked_body_arrives_whole_and_without_trailers(chunks: list[bytes]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nX-User-Id: evil\r\n\r\n"
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        head = b"PUT / HTTP/1.1\r\nHost: h\r\nTrailer: X-User-Id\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await exchange(front.port, head + framed)).status == 200
        assert upstream.requests[0].body == b"".join(chunks)
        assert b"evil" not in upstream.requests[0].raw
        assert not upstream.requests[0].all(b"trailer")


async def test_a_body_is_passed_on_before_it_is_complete() -> None:
    async def conversation(side: UpstreamSide) -> None:
        await side.head()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        await side.send(await side.reader.readexactly(3))
        await side.closed()

    async with (
        recording_upstream(conversation) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        found = await client.response()
        assert found.body == b"abc"
        assert found.one(b"connection") == b"close"


async def test_an_early_answer_reaches_a_caller_who_is_still_sending() -> None:
    async def refuse(side: UpstreamSide) -> None:
        await side.head()
        await side.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await side.closed()

    async with (
        recording_upstream(refuse) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 1000)
        found = await client.response()
        assert (found.status, found.body, found.one(b"connection")) == (413, b"big", b"close")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n", 200, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3     \r\nabc\r\n2\t\r\nde\r\n0  \r\n\r\n",
            200,
            b"abcde",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n  3\r\nabc\r\n\t2 \r\nde\r\n 0\r\n\r\n", 200, b"abcde"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3 ; a = b ;c\r\nabc\r\n 0 ;d= \r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 600 High\r\nContent-Length: 3\r\n\r\nabc", 600, b"abc"),
        (b"HTTP/1.1 999 Request Denied\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 999, b"abc"),
        (b"HTTP/1.1 700\r\nContent-Length: 3\r\n\r\nabc", 700, b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n', 304, b""),
        (b"HTTP/1.1 404 Nowhere\r\nContent-Length: 1\r\n\r\n.", 404, b"."),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ],
)
async def test_the_connection_is_kept_after_each_kind_of_answer(answer: bytes, status: int, body: bytes) -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = answer
        async with raw_client(front.port) as client:
            for _ in range(2):
                await client.send(GET)
                found = await client.response(interim=True)
                assert (found.status, found.body) == (status, body)
                assert not found.all(b"x-t")
        assert upstream.connections == 1


async def test_a_head_answer_keeps_its_length_and_has_no_body() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"
        async with raw_client(front.port) as client:
            for _ in range(2):
                await client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
                found = await client.response(head=True)
                assert (found.status, found.one(b"content-length")) == (200, b"77")
        assert upstream.connections == 2  # the announced body may still come


async def test_a_body_that_ends_with_the_connection_is_framed_for_the_caller() -> None:
    async def close_delimited(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    async with (
        recording_upstream(close_delimited) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        for _ in range(2):
            await client.send(GET)
            found = await client.response()
            assert (found.body, found.one(b"transfer-encoding")) == (b"all of it", b"chunked")


async def test_a_caller_of_http_1_0_gets_no_chunks() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        received = await conversation(front.port, b"GET / HTTP/1.0\r\nHost: h\r\n\r\n")
        assert received == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"


async def test_a_caller_of_http_1_0_may_keep_its_connection() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        for _ in range(2):
            await client.send(b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
            assert (await client.response()).one(b"connection") == b"keep-alive"


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
async def test_a_truncated_answer_stays_visibly_truncated(begun: bytes) -> None:
    async def break_off(side: UpstreamSide) -> None:
        await side.request()
        await side.send(begun)

    async with recording_upstream(break_off) as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(GET)
            with pytest.raises(asyncio.IncompleteReadError):
                await client.response()
        assert (await front.record()).fault == "truncated"


async def test_a_gzip_body_is_passed_through_untouched() -> None:
    packed = gzip.compress(b"hello" * 100)
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (
            len(packed),
            packed,
        )
        request = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
        found = await exchange(front.port, request % (len(packed), packed))
        assert found.body == packed
        assert found.one(b"content-encoding") == b"gzip"
        assert upstream.requests[0].body == packed


async def test_server_sent_events_are_not_held_back() -> None:
    go_on = asyncio.Event()

    async def events(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            await side.send(b"data: %d\n\n" % number)
            await go_on.wait()
            go_on.clear()

    async with (
        recording_upstream(events) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET)
        assert (await client.head()).status == 200
        for number in range(3):
            assert await client.chunk() == b"data: %d\n\n" % number
            go_on.set()
        assert await client.chunk() == b""


async def test_an_early_answer_does_not_wait_for_a_body_that_never_comes() -> None:
    async def refuse(side: UpstreamSide) -> None:
        await side.head()
        await side.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with (
        recording_upstream(refuse) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n")
        found = await client.response()
        assert (found.status, found.one(b"connection")) == (403, b"close")
        await client.send(b"abcdef")
        assert await client.read_all() == b""  # the end, and no reset that could overtake the answer


async def test_the_head_of_an_answer_is_not_held_back_until_its_body() -> None:
    go_on = asyncio.Event()

    async def slow_body(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await go_on.wait()
        await side.send(b"ok")
        await side.closed()

    async with (
        recording_upstream(slow_body) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET)
        assert (await client.head()).status == 200
        go_on.set()
        assert await client.read(2) == b"ok"


async def reset(client: RawClient) -> None:
    client.abort()


async def close(client: RawClient) -> None:
    client.writer.close()


async def end_its_side(client: RawClient) -> None:
    client.writer.write_eof()
    assert await client.read_all() == b""


@pytest.mark.parametrize("leave", [reset, close, end_its_side])
@pytest.mark.parametrize("sent", [GET, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"])
async def test_a_caller_that_leaves_is_told_to_the_upstream_at_once(
    sent: bytes, leave: Callable[[RawClient], Awaitable[None]]
) -> None:
    told = asyncio.Event()

    async def wait_for_the_end(side: UpstreamSide) -> None:
        await side.head()
        await side.closed()
        told.set()

    async with (
        recording_upstream(wait_for_the_end) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(sent)
        await upstream.arrived.wait()
        await leave(client)
        async with asyncio.timeout(5):
            await told.wait()
        assert (await front.record()).fault == "client gone"


async def test_100_continue_is_answered_once_there_is_an_upstream() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            assert (await client.response(interim=True)).status == 100
            await client.send(b"abc")
            assert (await client.response(interim=True)).status == 200
        assert upstream.requests[0].body == b"abc"
        assert not upstream.requests[0].all(b"expect")


async def test_100_continue_is_not_answered_when_the_body_is_not_wanted() -> None:
    async with recording_upstream() as upstream:
        port = upstream.port
    async with carrying(route_to(port)) as front, raw_client(front.port) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert (await client.response(interim=True)).status == 502


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n6\r\nfghijk\r\n0\r\n\r\n",
    ],
)
async def test_a_body_over_the_limit_is_413(request_bytes: bytes) -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port, body_bytes=10)) as front:
        found = await exchange(front.port, request_bytes)
        assert found.status == 413
        assert found.json()["error"]["code"] == "payload_too_large"
        assert not any(request.body == b"abcdefghijk" for request in upstream.requests)


async def test_a_broken_chunk_is_400_and_never_completed_upstream() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await client.send(b"zz\r\n")
            assert (await client.response()).status == 400
        assert not upstream.requests


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def tell_target(side: UpstreamSide) -> None:
        while (request := await side.request()) is not None:
            await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.target) + request.target)

    async with (
        recording_upstream(tell_target) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(50)))
        assert [(await client.response()).body for _ in range(50)] == [b"/%d" % number for number in range(50)]
