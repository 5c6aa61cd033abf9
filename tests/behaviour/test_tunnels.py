"""WebSockets and event streams: carried raw, held back, ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from gateway.http1.frames import close_frame
from gateway.model.answers import Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import AccessRequest, Decision
from gateway.model.route import Route, Timeouts
from gateway.model.session import Session
from tests.support.clients.raw_http import RawClient, exchange, raw_client
from tests.support.gateways.carrying import Carrying, Decide, carrying, route_to
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nX-Up: 1\r\n\r\n"

CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("secret",), b"0123456789abcdef")


def as_somebody(expires_at: datetime | None = None) -> Decide:
    found = Found(Session(subject="usr_1", id="sess_1"), expires_at=expires_at)

    def decide(access: AccessRequest, route: Route) -> Decision:
        return Decision(access=access, route=route, credential=CREDENTIAL, resolution=Resolution(answer=found))

    return decide


async def nobody(_: Credential, _client: str = "") -> Resolution:
    return Resolution(answer=Rejected(Reason.REVOKED))


async def echo(socket: ServerConnection) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in socket:
            await socket.send(message)


@contextlib.asynccontextmanager
async def echoing(**options: object) -> AsyncIterator[Carrying]:
    async with serve(echo, "127.0.0.1", 0, max_size=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with carrying(route_to(port), **options) as front:  # type: ignore[arg-type]
            yield front


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("message", ["", "hello", "é" * 40_000, b"", b"\x00\xff" * 1000, b"x" * 3_000_000])
async def test_messages_of_every_size_come_back(message: str | bytes, compression: str | None) -> None:
    async with (
        echoing() as front,
        connect(
            f"ws://127.0.0.1:{front.port}/ws", compression=compression, max_size=None, ping_interval=None, proxy=None
        ) as socket,
    ):
        for _ in range(3):
            await socket.send(message)
            assert await socket.recv() == message


async def test_fragments_pings_and_the_close_are_the_upstreams() -> None:
    async with (
        echoing() as front,
        connect(f"ws://127.0.0.1:{front.port}/ws", ping_interval=None, proxy=None) as socket,
    ):
        await socket.send(["frag", "ment", "ed"])
        assert await socket.recv() == "fragmented"
        await (await socket.ping())
        await socket.close(4001, "mine")
    assert socket.close_code == 4001
    record = await front.record()
    assert (record.status, record.upgraded, record.fault) == (101, True, "")


async def upgraded(client: RawClient) -> None:
    await client.send(UPGRADE)
    assert (await client.response()).status == 101


async def switch(side: UpstreamSide) -> None:
    await side.head()
    await side.send(SWITCHED)


async def test_the_handshake_is_carried_as_it_was_sent() -> None:
    async def greet(side: UpstreamSide) -> None:
        await switch(side)
        await side.send(b"\x81\x02hi")
        await side.closed()

    async with recording_upstream(greet) as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(UPGRADE)
            found = await client.response()
            assert found.headers == ((b"X-Up", b"1"), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
            assert await client.read(4) == b"\x81\x02hi"
        request = upstream.requests[0]
        assert request.one(b"connection") == b"Upgrade"
        assert request.one(b"upgrade") == b"websocket"
        assert request.one(b"sec-websocket-key") == b"dGhlIHNhbXBsZSBub25jZQ=="


async def test_bytes_behind_the_request_and_behind_the_101_are_not_lost() -> None:
    async def greet_at_once(side: UpstreamSide) -> None:
        await side.head()
        await side.send(SWITCHED + b"\x81\x01a")
        await side.send(await side.reader.readexactly(5))
        await side.closed()

    async with (
        recording_upstream(greet_at_once) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(UPGRADE + b"early")
        assert (await client.response()).status == 101
        assert await client.read(8) == b"\x81\x01aearly"


async def test_a_declined_upgrade_is_answered_like_any_request() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
        found = await exchange(front.port, UPGRADE + b"\x81\x00")
        assert (found.status, found.body, found.one(b"connection")) == (403, b"no", b"close")


@pytest.mark.parametrize(
    "request_bytes",
    [
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nabcde"),
        UPGRADE.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
async def test_a_malformed_upgrade_is_400_and_reaches_nobody(request_bytes: bytes) -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(request_bytes + b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await client.response()).status == 400
        assert not upstream.requests


@pytest.mark.parametrize(
    "request_bytes",
    [
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Connection: ", b"Connection: keep-alive, "),
        UPGRADE.replace(b"websocket", b"h2c"),
        UPGRADE.replace(b"websocket", b"websocket, h2c"),
        UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nUpgrade: h2c"),
        UPGRADE.replace(b"websocket", b"TLS/1.2"),
    ],
)
async def test_an_offer_of_another_protocol_is_an_ordinary_request(request_bytes: bytes) -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            for _ in range(2):
                await client.send(request_bytes)
                assert (await client.response()).status == 200
        assert len(upstream.requests) == 2
        for received in upstream.requests:
            assert not received.all(b"upgrade")
            assert not received.all(b"connection")


async def test_an_upgrade_that_the_connection_field_does_not_name_is_a_plain_request() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        found = await exchange(front.port, b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n")
        assert found.status == 200
        assert not upstream.requests[0].all(b"upgrade")


async def flood(side: UpstreamSide) -> None:
    await switch(side)
    while not side.writer.is_closing():
        await side.send(b"\x82\x7e\x04\x00" + bytes(1024))


async def test_a_slow_caller_holds_its_upstream() -> None:
    async with (
        recording_upstream(flood) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connection = next(iter(front.server.connections))
        async with asyncio.timeout(10):
            while not connection.writing_paused:  # noqa: ASYNC110 - the loop itself is what fills the buffer
                await asyncio.sleep(0)
        assert connection.unsent < 8_000_000  # what the kernel keeps, and a little of ours


async def test_an_upstream_that_ends_ends_the_tunnel() -> None:
    async def leave(side: UpstreamSide) -> None:
        await switch(side)
        await side.send(b"\x88\x02\x03\xe8")

    async with (
        recording_upstream(leave) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        assert await client.read_all() == b"\x88\x02\x03\xe8"


async def test_a_caller_that_leaves_ends_the_tunnel() -> None:
    told = asyncio.Event()

    async def wait(side: UpstreamSide) -> None:
        await switch(side)
        await side.closed()
        told.set()

    async with recording_upstream(wait) as upstream, carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await upgraded(client)
        async with asyncio.timeout(5):
            await told.wait()
        assert (await front.record()).fault == ""
        assert front.streams.count("tunnel") == 0


async def held(side: UpstreamSide) -> None:
    await switch(side)
    await side.closed()


async def test_a_tunnel_without_a_byte_is_closed_after_its_time() -> None:
    async with (
        recording_upstream(held) as upstream,
        carrying(route_to(upstream.port, timeouts=Timeouts(idle=0.05))) as front,
    ):
        async with raw_client(front.port) as client:
            await upgraded(client)
            assert await client.read_all() == close_frame(1001)
        assert (await front.record()).fault == "idle timeout"


async def test_a_tunnel_ends_with_its_revoked_session() -> None:
    async with (
        recording_upstream(held) as upstream,
        carrying(route_to(upstream.port), decide=as_somebody()) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        assert front.streams.count("tunnel") == 1
        assert await front.streams.recheck(nobody) == 1
        assert await client.read_all() == close_frame(1008)
        assert (await front.record()).fault == "ended by revocation or drain"


async def test_the_close_frame_waits_for_the_end_of_the_frame() -> None:
    go_on = asyncio.Event()

    async def half_a_frame(side: UpstreamSide) -> None:
        await switch(side)
        await side.send(b"\x82\x0a12345")
        await go_on.wait()
        await side.send(b"67890" + b"\x81\x05later")
        await side.closed()

    async with (
        recording_upstream(half_a_frame) as upstream,
        carrying(route_to(upstream.port)) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        assert await client.read(7) == b"\x82\x0a12345"
        front.streams.drain()
        go_on.set()
        assert await client.read_all() == b"67890" + close_frame(1001)


async def test_a_tunnel_ends_when_its_session_expires() -> None:
    decide = as_somebody(datetime.fromtimestamp(100.02, UTC))
    async with (
        recording_upstream(held) as upstream,
        carrying(route_to(upstream.port), decide=decide, clock=iter([100.0, 101.0]).__next__) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        assert await client.read_all() == close_frame(1008)


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        (Rejected(Reason.REVOKED), 1),
        (Unavailable("down"), 0),
        (Found(Session(subject="usr_1", id="sess_1")), 0),
    ],
)
async def test_tunnels_are_resolved_again_after_news_may_have_been_missed(
    answer: Found | Rejected | Unavailable, ended: int
) -> None:
    async def resolve(credential: Credential) -> Resolution:
        assert credential is CREDENTIAL
        return Resolution(answer=answer)

    async with (
        recording_upstream(held) as upstream,
        carrying(route_to(upstream.port), decide=as_somebody()) as front,
        raw_client(front.port) as client,
    ):
        await upgraded(client)
        assert await front.streams.recheck(resolve) == ended


async def test_an_event_stream_ends_with_its_revoked_session() -> None:
    async def events(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n")
        await side.closed()

    async with (
        recording_upstream(events) as upstream,
        carrying(route_to(upstream.port), decide=as_somebody()) as front,
        raw_client(front.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.head()
        assert await client.chunk() == b"data: 1\n\n"
        assert await front.streams.recheck(nobody) == 1
        assert await client.read_all() == b""
        assert (await front.record()).fault == "ended by revocation or drain"
        assert front.streams.count("event_stream") == 0
