"""What is sent again when a kept connection dies: by the route's leave, once, and never what may have been begun."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from gateway.model.route import Retry, UpstreamAddress
from gateway.upstream.pool import PoolLimits
from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import OK, Conversation, UpstreamSide, recording_upstream

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
AGAIN = b" /again HTTP/1.1\r\nHost: h\r\n"


def dying(last: bytes = b"") -> Conversation:
    """Answer the first request of a connection, take the second, say `last`, and close."""

    async def die(side: UpstreamSide) -> None:
        if await side.request() is not None:
            await side.send(OK)
            if await side.request() is not None:
                await side.send(last)

    return die


@pytest.mark.parametrize(
    "method",
    [
        *(b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"PROPPATCH", b"MKCOL", b"COPY", b"MOVE"),
        *(b"UNLOCK", b"REPORT", b"SEARCH", b"QUERY"),
    ],
)
@pytest.mark.parametrize("fields", [b"", b"Content-Length: 0\r\n"])
async def test_what_is_idempotent_and_has_no_body_is_sent_once_more_where_the_route_says_so(
    method: bytes, fields: bytes
) -> None:
    async with recording_upstream(dying()) as upstream:
        async with carrying(route_to(upstream.port, retry=Retry.IDEMPOTENT)) as front:
            await exchange(front.port, GET)
            found = await exchange(front.port, method + AGAIN + fields + b"\r\n", head=method == b"HEAD")
            assert found.status == 200
            assert (await front.record(1)).retried
        assert [each.target for each in upstream.requests] == [b"/", b"/again", b"/again"]
        assert upstream.requests[1].raw == upstream.requests[2].raw


@pytest.mark.parametrize(
    "request_",
    [
        *(method + AGAIN + b"Content-Length: 0\r\n\r\n" for method in (b"POST", b"PATCH", b"LOCK", b"FOO", b"Put2")),
        *(method + AGAIN + b"\r\n" for method in (b"POST", b"PATCH", b"LOCK", b"PURGE", b"LIST")),
        b"PUT" + AGAIN + b"Content-Length: 3\r\n\r\nabc",
        b"DELETE" + AGAIN + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"PUT" + AGAIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST" + AGAIN + b"X-HTTP-Method-Override: PUT\r\n\r\n",
    ],
)
async def test_what_is_not_idempotent_or_has_a_body_is_never_sent_twice(request_: bytes) -> None:
    async with recording_upstream(dying()) as upstream:
        async with carrying(route_to(upstream.port, retry=Retry.IDEMPOTENT)) as front:
            await exchange(front.port, GET)
            assert (await exchange(front.port, request_)).status == 502
        assert [each.target for each in upstream.requests] == [b"/", b"/again"]


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"PROPFIND", b"QUERY"])
async def test_by_default_none_but_safe_methods_are_sent_again(method: bytes) -> None:
    async with recording_upstream(dying()) as upstream, carrying(route_to(upstream.port)) as front:
        await exchange(front.port, GET)
        assert (await exchange(front.port, method + AGAIN + b"\r\n")).status == 502
        assert len(upstream.requests) == 2


@pytest.mark.parametrize("last", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"\r\n"])
async def test_what_was_answered_by_a_byte_is_never_sent_again(last: bytes) -> None:
    async with recording_upstream(dying(last)) as upstream:
        async with carrying(route_to(upstream.port, retry=Retry.IDEMPOTENT)) as front:
            await exchange(front.port, GET)
            assert (await exchange(front.port, b"DELETE" + AGAIN + b"\r\n")).status == 502
        assert len(upstream.requests) == 2


@pytest.mark.parametrize("connections", [2, 1024])
async def test_a_second_dead_connection_in_the_pool_is_not_the_one_that_is_tried(connections: int) -> None:
    both, alive = asyncio.Barrier(2), asyncio.Event()

    async def die(side: UpstreamSide) -> None:
        if alive.is_set():
            await side.request()
            await side.send(OK)
            return
        await side.request()
        await both.wait()  # so that each request has a connection of its own
        await side.send(OK)
        await side.request()
        alive.set()

    async with recording_upstream(die) as upstream:
        route, pool = route_to(upstream.port, retry=Retry.IDEMPOTENT), PoolLimits(connections=connections)
        async with carrying(route, pool=pool) as front, raw_client(front.port) as one, raw_client(front.port) as two:
            for client in (one, two):
                await client.send(GET)
            for client in (one, two):
                assert (await client.response()).status == 200
            assert (await exchange(front.port, b"PUT" + AGAIN + b"Content-Length: 0\r\n\r\n")).status == 200
        assert [each.target for each in upstream.requests] == [b"/", b"/", b"/again", b"/again"]


async def test_a_new_connection_that_dies_as_well_is_the_end_of_it() -> None:
    async def die(side: UpstreamSide) -> None:
        if await side.request() is not None and side.upstream.connections == 1:
            await side.send(OK)
            await side.request()

    async with recording_upstream(die) as upstream:
        async with carrying(route_to(upstream.port, retry=Retry.IDEMPOTENT)) as front:
            await exchange(front.port, GET)
            assert (await exchange(front.port, b"DELETE" + AGAIN + b"\r\n")).status == 502
        assert [each.target for each in upstream.requests] == [b"/", b"/again", b"/again"]


async def test_over_tls_it_is_the_same() -> None:
    authority = trustme.CA()
    serving, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(trusting)
    async with recording_upstream(dying(), ssl=serving) as upstream:
        route = route_to(upstream=(UpstreamAddress("https", "localhost", upstream.port),), retry=Retry.IDEMPOTENT)
        async with carrying(route, tls=lambda: trusting) as front:
            await exchange(front.port, GET)
            assert (await exchange(front.port, b"DELETE" + AGAIN + b"\r\n")).status == 200
            await exchange(front.port, GET)
            assert (await exchange(front.port, b"POST" + AGAIN + b"Content-Length: 0\r\n\r\n")).status == 502
        assert [each.method for each in upstream.requests] == [b"GET", b"DELETE", b"DELETE", b"GET", b"GET", b"POST"]
