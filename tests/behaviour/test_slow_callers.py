"""Nothing slow holds what others need: bodies, answers, tunnels and streams of callers who take their time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import msgspec
import pytest

from gateway.front.serving import FrontLimits
from gateway.model.answers import Found, Reason, Rejected, Resolution
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import AccessRequest, Decision
from gateway.model.route import Route
from gateway.model.session import Session
from gateway.upstream.late_bodies import CallerLimits
from gateway.upstream.pool import PoolLimits
from tests.support.clients.raw_http import PATIENCE, RawClient, exchange, raw_client
from tests.support.gateways.carrying import Carrying, carrying, route_to
from tests.support.servers.recording_upstream import OK, RecordingUpstream, UpstreamSide, recording_upstream

GET = b"GET /quick HTTP/1.1\r\nHost: h\r\nX-Client: 192.0.2.1\r\n\r\n"
POST = b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("secret",), b"0123456789abcdef")
PLACES = 4
SMALL = PoolLimits(connections=PLACES, queue_timeout=PATIENCE)


def of_client(access: AccessRequest, route: Route) -> Decision:
    """Allow it, for the client that the request names."""
    client = access.headers.all(b"x-client")
    access = msgspec.structs.replace(access, client=client[0].decode() if client else "198.51.100.9")
    return Decision(access=access, route=route)


def of_somebody(access: AccessRequest, route: Route) -> Decision:
    """Allow it, for a session."""
    found = Found(Session(subject="usr_1", id="sess_1"))
    return Decision(access=access, route=route, credential=CREDENTIAL, resolution=Resolution(answer=found))


def until_noon(access: AccessRequest, route: Route) -> Decision:
    """Allow it, for a session that ends."""
    found = Found(Session(subject="usr_1"), expires_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    return Decision(access=access, route=route, credential=CREDENTIAL, resolution=Resolution(answer=found))


async def nobody(_: Credential) -> Resolution:
    return Resolution(answer=Rejected(Reason.REVOKED))


async def by_path(side: UpstreamSide) -> None:
    """Answer `/quick`; of all else read on, or send without an end."""
    while (head := await side.head()) is not None:
        if head.target == b"/quick":
            await side.send(OK)
        elif head.target == b"/stream":
            await side.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            await side.closed()
            return
        elif head.target == b"/ws":
            await side.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            await side.closed()
            return
        elif head.target == b"/endless":
            await side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await side.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        else:
            await side.closed()
            return


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the gateway does and announces to nobody."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0.001)


async def until_open(upstream: RecordingUpstream, connections: int) -> None:
    await until(lambda: upstream.connections >= connections)


@contextlib.asynccontextmanager
async def clients(front: Carrying, count: int) -> AsyncIterator[list[RawClient]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(raw_client(front.port)) for _ in range(count)]


# Bodies


async def test_bodies_that_trickle_take_no_pool_from_anybody() -> None:
    """1,030 of them at 86 bytes a second in all took one of 1,024 connections: everybody got 503."""
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=SMALL, decide=of_client) as front,
        clients(front, 2 * PLACES) as slow,
    ):
        for client in slow:
            await client.send(POST + b"x")
        await until_open(upstream, PLACES)
        for _ in range(3 * PLACES):
            answer = await exchange(front.port, GET)
            assert (answer.status, answer.body) == (200, b"ok")


async def test_a_body_is_awaited_before_its_upstream_is_taken() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port, buffer_body=2000)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(POST + bytes(999))
        assert (await exchange(front.port, GET)).status == 200  # our turn has come, and the other's more than once
        assert [each.target for each in upstream.requests] == [b"/quick"]
        await client.send(b"x")
        assert (await client.response()).status == 200
        assert upstream.requests[1].body == bytes(999) + b"x"
        assert (await front.record(1)).bytes_in == 1000


async def test_a_body_larger_than_what_is_kept_is_sent_on_as_it_comes() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port, buffer_body=100)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(POST + bytes(100))
        await until_open(upstream, 1)
        await client.send(bytes(900))
        assert (await client.response()).status == 200
        assert upstream.requests[0].body == bytes(1000)


async def test_what_routes_keep_has_a_bound_together() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port, buffer_body=2000), callers=CallerLimits(buffered_bytes=2000)) as front,
        clients(front, 2) as both,
    ):
        for client in both:
            await client.send(POST + b"x")
        await until_open(upstream, 1)  # the second one's place is taken after a moment, as without `buffer_body`
        assert (await exchange(front.port, GET)).status == 200
        assert upstream.connections == 2


async def test_a_caller_whose_body_is_read_whole_is_invited_before_an_upstream_is_taken() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port, buffer_body=2000)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
        assert (await client.response(interim=True)).status == 100
        assert upstream.connections == 0
        await client.send(bytes(1000))
        assert (await client.response(interim=True)).status == 200


async def test_an_address_keeps_so_many_bodies_open_and_no_more() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), callers=CallerLimits(bodies_per_address=2), decide=of_client) as front,
        clients(front, 3) as slow,
    ):
        for client in slow:
            await client.send(POST + b"x")
        refused = await slow[2].response()
        assert (refused.status, refused.json()["error"]["code"]) == (429, "rate_limited")
        assert (await front.record()).fault == "too many bodies of one address"
        slow[0].abort()
        await front.record(1)
        async with raw_client(front.port) as next_one:
            await next_one.send(POST + b"x")
            await until_open(upstream, 2)


async def test_a_proxy_that_is_believed_keeps_as_many_bodies_open_as_it_likes() -> None:
    callers = CallerLimits(bodies_per_address=1, is_many={"198.51.100.9"}.__contains__)
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), callers=callers, decide=of_client) as front,
        clients(front, 3) as slow,
    ):
        for client in slow:
            await client.send(POST + b"x")
        await until_open(upstream, 3)


async def test_a_body_that_keeps_a_rate_keeps_its_place() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=PoolLimits(connections=1, queue_timeout=0.05)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + bytes(70_000))
        await until_open(upstream, 1)
        front.look(2)
        await client.send(bytes(70_000))
        await until(lambda: all(each.slow is False and each.moved > 100_000 for each in front.forwarder._long._watched))
        front.look(5)
        assert (await exchange(front.port, GET)).status == 503


async def test_a_body_that_keeps_none_gives_way_and_is_told_so() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=PoolLimits(connections=1)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + bytes(70_000))
        await until_open(upstream, 1)
        front.look(12)
        assert (await exchange(front.port, GET)).status == 200
        assert (await client.response()).status == 408
        assert {front.records[0].fault, front.records[1].fault} == {"slow caller gave way", ""}


# Answers


async def test_an_answer_that_nobody_takes_gives_way() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=PoolLimits(connections=1)) as front,
        raw_client(front.port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET.replace(b"quick", b"endless"))
        await until_open(upstream, 1)
        (connection,) = front.server.connections
        await until(lambda: connection.writing_paused)
        front.look(12)
        assert (await exchange(front.port, GET)).status == 200
        assert (await front.record()).fault == "slow caller gave way"


async def test_one_address_that_holds_more_than_its_share_for_long_gives_way_to_others() -> None:
    """Not slow, but many: answers that its upstream takes its time for."""
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=SMALL, decide=of_client) as front,
        clients(front, PLACES) as waiting,
    ):
        for client in waiting:
            await client.send(GET.replace(b"quick", b"waits").replace(b"192.0.2.1", b"198.51.100.1"))
        await until_open(upstream, PLACES)
        front.look(2)
        (pool,) = front.upstreams.pools()
        assert [place.give_way("198.51.100.1") for place in pool.yielding] == [False]  # to others, and not to itself
        for _ in range(3):
            assert (await exchange(front.port, GET)).status == 200
        assert [record.fault for record in front.records if record.fault] == ["slow caller gave way"]


# Tunnels and event streams


@pytest.mark.parametrize("request_bytes", [UPGRADE, GET.replace(b"quick", b"stream")])
async def test_streams_take_no_place_of_the_pool(request_bytes: bytes) -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), pool=PoolLimits(connections=1, streams=2)) as front,
        clients(front, 2) as streaming,
    ):
        for client in streaming:
            await client.send(request_bytes)
            assert (await client.head()).status in {101, 200}
        assert (await exchange(front.port, GET)).status == 200
        (numbers,) = front.upstreams.numbers()
        assert numbers.open == 3
        async with raw_client(front.port) as third:
            await third.send(request_bytes)  # one too many for itself alone: it has the pool's place
            assert (await third.head()).status in {101, 200}
            for client in streaming:
                client.abort()
            await front.record(1)
        await front.record(3)
        assert (await exchange(front.port, GET)).status == 200
        (numbers,) = front.upstreams.numbers()
        assert (numbers.open, numbers.outstanding) == (1, 0)


@pytest.mark.parametrize("request_bytes", [UPGRADE, GET.replace(b"quick", b"stream")])
async def test_an_address_has_so_many_streams_and_no_more(request_bytes: bytes) -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), streams_per_address=1) as front,
        clients(front, 3) as streaming,
    ):
        await streaming[0].send(request_bytes)
        assert (await streaming[0].head()).status in {101, 200}
        await streaming[1].send(request_bytes)
        assert (await streaming[1].response()).status == 429
        assert (await front.record()).fault == "too many streams of one address"
        streaming[0].abort()
        await front.record(1)
        await streaming[2].send(request_bytes)
        assert (await streaming[2].head()).status in {101, 200}


# What lasts ends with its session


async def test_a_download_ends_with_its_session() -> None:
    """NDJSON, a file, pictures one after the other: not only what says that it is a stream."""
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), decide=of_somebody) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET.replace(b"quick", b"endless"))
        assert (await client.head()).status == 200
        front.look()
        assert front.streams.count("answer") == 0
        front.look()
        assert front.streams.count("answer") == 1
        assert await front.streams.recheck(nobody) == 1
        await client.read_all()
        assert (await front.record()).fault == "ended by revocation or drain"
        assert front.streams.count("answer") == 0


async def test_an_upload_ends_with_its_session() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), decide=of_somebody) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + bytes(70_000))
        await until_open(upstream, 1)
        front.look(2)
        assert await front.streams.recheck(nobody) == 1
        assert (await client.response()).status == 503
        assert (await front.record()).fault == "ended by revocation or drain"


async def test_a_body_that_is_awaited_ends_with_its_session() -> None:
    async with (
        recording_upstream() as upstream,
        carrying(route_to(upstream.port, buffer_body=2000), decide=of_somebody) as front,
        raw_client(front.port) as client,
    ):
        await client.send(POST + b"x")
        await until(lambda: front.streams.count("answer") == 1)
        assert await front.streams.recheck(nobody) == 1
        assert (await client.response()).status == 503
        assert not upstream.requests


async def test_what_lasts_ends_when_its_session_expires() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), decide=until_noon, clock=lambda: noon + 1) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET.replace(b"quick", b"endless"))
        assert (await client.head()).status == 200
        front.look(2)
        await client.read_all()
        assert (await front.record()).fault == "ended by revocation or drain"


async def test_draining_waits_for_what_lasts() -> None:
    may_end = asyncio.Event()

    async def slowly(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        await may_end.wait()
        await side.send(b"k")

    async with (
        recording_upstream(slowly) as upstream,
        carrying(route_to(upstream.port), decide=of_somebody) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET)
        await client.head()
        front.look(2)
        assert (front.streams.count("answer"), front.streams.drain()) == (1, 0)
        may_end.set()
        assert await client.read(2) == b"ok"


async def test_looks_are_taken_by_themselves() -> None:
    async with (
        recording_upstream(by_path) as upstream,
        carrying(route_to(upstream.port), decide=of_somebody, limits=FrontLimits()) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET.replace(b"quick", b"waits"))
        await until(lambda: front.streams.count("answer") == 1)
