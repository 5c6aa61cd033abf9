from __future__ import annotations

import math
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.model.session import RevocationKind, RevocationTarget
from gateway.redis.client import connect
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.cache_entry import CacheEntry, CacheTimes, encode
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import (
    Effect,
    Revocation,
    RevocationKeys,
    RevocationLog,
    RevocationMessage,
    RevocationStatus,
)
from gateway.sessions.revoker import RevocationPublisher, RevocationSubscriber, Revoker
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import NOW, SIGNATURE, Clock, found, wall
from tests.support.servers.chaos_proxy import ChaosProxy, chaos_proxy

A = b"a" * 16
FINGERPRINT = b"f" * 16


class Process:
    """The memory and the subscriber of one process."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.registry = CollectorRegistry()
        self.revocation_log = RevocationLog(Clock(), lambda: self.calls.append(1))
        self.memory = MemoryStore(10, 1.0, self.revocation_log, Clock())
        self.subscriber = RevocationSubscriber(
            self.revocation_log, self.memory, ResolutionMetrics(self.registry), Clock(), SIGNATURE
        )

    def keep(self) -> None:
        entry = CacheEntry(encode(found()), "accounts", [A], NOW, math.inf, self.revocation_log.version)
        entry.until = NOW + 600
        assert self.memory.put(FINGERPRINT, entry, NOW)

    def keeps(self, after: float = 0.0) -> bool:
        return self.memory.get(FINGERPRINT, NOW + after) is not None


def payload(*keys: bytes) -> bytes:
    return SIGNATURE.sign(msgspec.msgpack.encode(RevocationMessage(Revocation(Effect.ENDED, NOW, 600), keys)))


def test_until_the_bus_is_heard_memory_is_kept_short() -> None:
    process = Process()
    process.keep()
    assert [process.keeps(0.9), process.keeps(1.0)] == [True, False]
    process.subscriber.on_subscribed()
    process.keep()
    assert process.keeps(500)


def test_a_message_ends_what_it_names() -> None:
    process = Process()
    process.subscriber.on_subscribed()
    process.keep()
    process.subscriber.on_message(payload(b"b" * 16))
    assert process.keeps()
    process.subscriber.on_message(payload(A))
    assert not process.keeps()
    assert process.registry.get_sample_value("gateway_revocations_total", {"origin": "heard"}) == 2


@pytest.mark.parametrize(
    "message", [b"from a newer version", b"\x93\x93\x01\x01\x01\x90" + b"\x91" * 4000], ids=["other", "deep"]
)
def test_a_message_that_cannot_be_read_may_be_a_revocation(message: bytes) -> None:
    process = Process()
    process.subscriber.on_subscribed()
    process.keep()
    process.subscriber.on_message(SIGNATURE.sign(message))
    assert not process.keeps()


def test_what_is_open_is_resolved_again_after_news_and_after_a_loss() -> None:
    process = Process()
    process.subscriber.on_subscribed()
    process.subscriber.on_message(payload(A))
    process.subscriber.on_lost()
    process.subscriber.on_subscribed()
    assert len(process.calls) == 3


def test_a_loss_empties_memory_at_once_and_once_more_when_it_ends() -> None:
    process = Process()
    process.subscriber.on_subscribed()
    process.keep()
    process.subscriber.on_lost()
    assert not process.keeps()
    process.keep()
    process.subscriber.on_subscribed()
    assert not process.keeps()


async def test_revoking_acts_on_this_process_before_anybody_is_told() -> None:
    clock = Clock()
    revocation_log, keys = RevocationLog(clock), RevocationKeys([b"secret"])
    target = RevocationTarget(RevocationKind.SESSION, "session-1")
    seen: list[RevocationStatus] = []

    async def publish(message: RevocationMessage) -> bool:
        seen.append(revocation_log.status_of(message.keys, found(), revocation_log.version))
        return False

    registry = CollectorRegistry()
    revoker = Revoker(keys, revocation_log, CacheTimes(), clock, ResolutionMetrics(registry), publish)
    assert not await revoker.revoke(target)
    assert seen == [RevocationStatus.REVOKED]
    assert registry.get_sample_value("gateway_revocations_total", {"origin": "own"}) == 1


@pytest.mark.parametrize(("revoked", "expected"), [(86400.0, 86400.0), (1.0, 660.0)])
async def test_a_revocation_is_remembered_longer_than_any_answer(revoked: float, expected: float) -> None:
    lives: list[float] = []

    async def publish(message: RevocationMessage) -> bool:
        lives.append(message.revocation.life)
        return True

    clock = Clock()
    metrics = ResolutionMetrics(CollectorRegistry())
    revoker = Revoker(
        RevocationKeys([b"s"]), RevocationLog(clock), CacheTimes(revoked=revoked), clock, metrics, publish
    )
    assert await revoker.revoke(RevocationTarget(RevocationKind.USER, "user-1"))
    assert lives == [expected]


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[ChaosProxy]:
    address = urlsplit(redis_url)
    async with chaos_proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


async def test_who_revokes_learns_that_the_fleet_was_not_told(proxy: ChaosProxy, key_prefix: str) -> None:
    client = connect(f"redis://127.0.0.1:{proxy.port}/0", 0.05)
    publish = RevocationPublisher(client, Tombstones(key_prefix, wall, SIGNATURE))
    message = RevocationMessage(Revocation(Effect.ENDED, wall(), 60.0), (A,))
    assert await publish(message)
    proxy.refuse = True
    proxy.reset()
    with capture_logs() as lines:
        assert not await publish(message)
    assert len(lines) == 3
    await client.aclose()


async def test_a_short_fault_is_overcome(proxy: ChaosProxy, key_prefix: str) -> None:
    client = connect(f"redis://127.0.0.1:{proxy.port}/0", 0.05)
    publish = RevocationPublisher(client, Tombstones(key_prefix, wall, SIGNATURE))
    message = RevocationMessage(Revocation(Effect.ENDED, wall(), 60.0), (A,))
    await publish(message)
    proxy.reset()  # the pooled connection is dead; the next attempt makes another
    assert await publish(message)
    await client.aclose()


async def test_what_was_ended_before_is_remembered_with_its_time_and_told_nobody() -> None:
    """By a generation or a worker that comes after the revocation: whoever signed in since is not touched."""
    published: list[RevocationMessage] = []

    async def publish(message: RevocationMessage) -> bool:
        published.append(message)
        return True

    clock, keys, user = Clock(), RevocationKeys([b"s"]), RevocationTarget(RevocationKind.USER, "user-1")
    revocation_log = RevocationLog(clock)
    revoker = Revoker(keys, revocation_log, CacheTimes(), clock, ResolutionMetrics(CollectorRegistry()), publish)
    revoker.remember(user, NOW - 100)
    before, since = (
        revocation_log.status_of(keys.of_target(user), found(issued_at=issued_at), revocation_log.version)
        for issued_at in (NOW - 200, NOW - 50)
    )
    assert (before, since, published) == (RevocationStatus.REVOKED, RevocationStatus.NONE, [])


def test_a_flood_of_garbage_is_one_log_line_and_is_counted_and_takes_nothing_away() -> None:
    process = Process()
    process.subscriber.on_subscribed()
    process.keep()
    with capture_logs() as lines:
        for number in range(500):
            process.subscriber.on_message(f"garbage {number}".encode())
        process.subscriber.on_message(b"\x93\x01" + bytes(18 * 1024 * 1024))
    assert [line["event"] for line in lines] == ["revocation_message_unreadable"]
    assert process.registry.get_sample_value("gateway_revocations_total", {"origin": "unreadable"}) == 501
    assert process.keeps()
    assert len(process.calls) == 1  # of the subscribing


def test_a_revocation_that_a_stranger_has_made_up_ends_nothing() -> None:
    """Whoever can read Redis sees the hashes of targets, and may publish them."""
    process = Process()
    process.subscriber.on_subscribed()
    process.keep()
    forged = msgspec.msgpack.encode(RevocationMessage(Revocation(Effect.ENDED, NOW, 1e9), (A,)))
    with capture_logs():
        for payload in (forged, b"\x00" + forged, b"\x01" + bytes(16) + forged, BusSignature([b"other"]).sign(forged)):
            process.subscriber.on_message(payload)
    assert process.keeps()


@pytest.mark.parametrize("off", [-3600.0, 3600.0])
def test_a_message_of_a_bad_clock_is_taken_as_of_now(off: float) -> None:
    process = Process()
    message = RevocationMessage(Revocation(Effect.ENDED_BEFORE, NOW + off, 600.0), (A,))
    process.subscriber.on_message(SIGNATURE.sign(msgspec.msgpack.encode(message)))
    version = process.revocation_log.version
    before, later = found(issued_at=NOW - 60), found(issued_at=NOW + 60)
    statuses = [process.revocation_log.status_of([A], answer, version) for answer in (before, later)]
    assert statuses == [RevocationStatus.REVOKED, RevocationStatus.NONE]
