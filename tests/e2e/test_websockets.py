"""WebSockets through the whole gateway, each of two libraries as caller and as application: the bytes are theirs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.clients.websocket_ends import End, Library, Listener, Message, RefusedError
from tests.support.clients.websocket_peers import library
from tests.support.gateways.serving import ADMIN_TOKEN, PROJECT_KEY, Examples, Gateway, config, serving

JOHN = "550e8400-e29b-41d4-a716-446655440002"
KEY_ID = "550e8400-e29b-41d4-a716-446655440003"
KEY = {"X-Api-Key": PROJECT_KEY}
# The fourth pair meets in tests/behaviour/test_tunnels.py, where no Node.js is needed.
PAIRS = (("ws", "ws"), ("ws", "websockets"), ("websockets", "ws"))
LONG = hashlib.shake_128(b"incompressible").digest(10_000_000)
# The sizes at which a frame's head grows (RFC 6455 section 5.2), none and one byte, and ten megabytes in one frame.
SIZES = (0, 1, 125, 126, 65_535, 65_536, 10_000_000)


class Stand:
    """A caller's library and, behind the gateway, an application's."""

    def __init__(self, gateway: Gateway, caller: Library, app: Listener) -> None:
        self.gateway = gateway
        self._caller = caller
        self._app = app

    @contextlib.asynccontextmanager
    async def connected(self, *, compress: bool = False, **headers: str) -> AsyncIterator[End]:
        url = f"ws://127.0.0.1:{self.gateway.port}/echo/ws"
        async with self._caller.connected(url, headers or KEY, compress=compress) as end:
            yield end

    @contextlib.asynccontextmanager
    async def joined(self, *, compress: bool = False) -> AsyncIterator[tuple[End, End]]:
        """Yield the caller's end and the application's end of one WebSocket."""
        async with self.connected(compress=compress) as caller:
            app = await self._app.accepted()
            assert caller.compressed == app.compressed == compress
            yield caller, app


@pytest.fixture(params=PAIRS, ids=" to ".join)
async def stand(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[Stand]:
    async with (
        library(request.param[0]) as callers,
        library(request.param[1]) as apps,
        apps.listening(compress=True) as app,
        serving(config(app.port, examples.settings(tmp_path)), tmp_path) as gateway,
    ):
        yield Stand(gateway, callers, app)


async def passes(sender: End, receiver: End, message: Message, fragments: int = 1) -> None:
    async def send() -> None:
        await sender.send(message, fragments)

    _, received = await asyncio.gather(send(), receiver.receive())
    assert received == message


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "deflate"])
async def test_messages_of_every_size_arrive_both_ways(stand: Stand, compress: bool) -> None:
    async with stand.joined(compress=compress) as (caller, app):
        for size in SIZES:
            for message in (LONG[:size], "é" * (size // 2)):
                await passes(caller, app, message)
                await passes(app, caller, message)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "deflate"])
async def test_messages_in_fragments_arrive_whole(stand: Stand, compress: bool) -> None:
    async with stand.joined(compress=compress) as (caller, app):
        for message, fragments in ((LONG[:2000], 2000), (LONG[:1_000_000], 7), ("é€" * 500, 2500)):
            await passes(caller, app, message, fragments)
            await passes(app, caller, message, fragments)


async def test_thousands_of_single_bytes_keep_their_order(stand: Stand) -> None:
    async def send(end: End) -> None:
        for byte in LONG[:5000]:
            await end.send(bytes((byte,)))

    async def receive(end: End) -> bytes:
        return b"".join([await end.receive() for _ in range(5000)])  # type: ignore[misc]

    async with stand.joined() as (caller, app):
        _, _, *received = await asyncio.gather(send(caller), send(app), receive(caller), receive(app))
    assert received == [LONG[:5000]] * 2


async def test_both_may_talk_at_once(stand: Stand) -> None:
    async with stand.joined() as (caller, app):
        await asyncio.gather(passes(caller, app, LONG), passes(app, caller, LONG[::-1]))


async def test_a_ping_is_answered_by_the_other_end(stand: Stand) -> None:
    async with stand.joined() as (caller, app):
        await caller.ping("from the caller")
        await app.ping("from the application")


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1011, "out of order: é"), (4001, "x" * 123)])
async def test_each_end_learns_the_code_and_the_reason_of_the_other(stand: Stand, code: int, reason: str) -> None:
    for closing in (0, 1):
        async with stand.joined() as ends:
            await ends[closing].close(code, reason)
            assert [await end.closed() for end in ends] == [(code, reason)] * 2


async def test_an_end_that_breaks_off_breaks_the_other(stand: Stand) -> None:
    for breaking in (0, 1):
        async with stand.joined() as ends:
            await ends[breaking].drop()
            assert await ends[1 - breaking].closed() == (1006, "")


async def test_the_application_is_told_who_calls_and_sees_no_credential(stand: Stand) -> None:
    async with stand.joined() as (_, app):
        assert app.headers["x-user-id"] == JOHN
        assert app.headers["x-auth-method"] == "api_key"
        assert "x-api-key" not in app.headers


async def test_a_caller_without_a_good_credential_is_refused_before_it_begins(stand: Stand) -> None:
    with pytest.raises(RefusedError) as refused:
        async with stand.connected(**{"X-Api-Key": "nobody's"}):
            pass
    assert refused.value.status == 401


async def test_a_revocation_closes_with_1008(stand: Stand) -> None:
    async with stand.joined() as (caller, app):
        await passes(app, caller, "so far it is good")
        url = f"http://127.0.0.1:{stand.gateway.admin_port}/revoke"
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with aiohttp.ClientSession() as admin, admin.post(url, json={"api_key": KEY_ID}, headers=headers) as told:
            assert told.status == 200
        assert await caller.closed() == (1008, "")
        assert await app.closed() == (1006, "")


async def test_a_gateway_that_ends_closes_with_1001(stand: Stand) -> None:
    async with stand.joined() as (caller, app):
        await stand.gateway.supervisor.drain()
        assert await caller.closed() == (1001, "")
        assert await app.closed() == (1006, "")
