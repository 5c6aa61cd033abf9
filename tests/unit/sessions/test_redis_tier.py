from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Reason, Rejected
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.redis.client import RedisClient, connect
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import CacheKeys
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.revocation import Effect, Revocation, RevocationKeys, RevocationMessage, RevocationStatus
from gateway.sessions.sealing import ANSWER, Sealer
from gateway.sessions.shared_tier import SharedEntry, SharedRejection
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import READER, SECRET, SIGNATURE, Clock, found, revoke, wall
from tests.support.servers import redis_server

FINGERPRINTER = Fingerprinter([SECRET], READER, "", [b"digest"])
CREDENTIAL = Credential(READER, CredentialKind.BEARER, "", ("t",), FINGERPRINTER(("t",)))
ENTRY = SharedEntry(found(), "accounts", 0.5)


class Tier:
    """The shared tier of one process."""

    def __init__(self, url: str, prefix: str, timeout: float) -> None:
        self.client: RedisClient = connect(url, timeout)
        self.registry = CollectorRegistry()
        self.tasks = TaskKeeper()
        self.tombstones = Tombstones(prefix, wall, SIGNATURE)
        metrics = ResolutionMetrics(self.registry)
        self.shared = RedisTier(
            redis=GuardedRedis(self.client, timeout, Breaker(monotonic, failures=2), self.tasks, metrics),
            tombstones=self.tombstones,
            keys=CacheKeys(RevocationKeys([SECRET]), {READER: FINGERPRINTER}),
            sealer=Sealer([SECRET]),
            clock=wall,
        )
        self.key = self.tombstones.entry_key(CREDENTIAL.fingerprint)

    async def read(self) -> SharedEntry | SharedRejection | None:
        return await self.shared.lookup(CREDENTIAL).read()

    async def fill(
        self, shared_entry: SharedEntry = ENTRY, lifetime: float = 60.0, *, share: bool = True
    ) -> RevocationStatus | None:
        return await self.shared.lookup(CREDENTIAL).fill(shared_entry, lifetime=lifetime, share=share)

    def faults(self, operation: str) -> float:
        return self.registry.get_sample_value("gateway_redis_faults_total", {"operation": operation}) or 0.0


@contextlib.asynccontextmanager
async def tier_at(url: str, prefix: str, patience: float = redis_server.PATIENCE) -> AsyncIterator[Tier]:
    tier = Tier(url, prefix, patience)
    yield tier
    await tier.tasks.aclose()
    await tier.client.aclose()


@pytest.fixture
async def tier(redis_url: str, key_prefix: str) -> AsyncIterator[Tier]:
    async with tier_at(redis_url, key_prefix) as tier:
        yield tier


async def test_age_goes_on_from_the_look_up_and_not_from_the_storing(tier: Tier) -> None:
    await tier.fill(SharedEntry(found(), "accounts", 30.0))
    shared_entry = await tier.read()
    assert isinstance(shared_entry, SharedEntry)
    assert 30.0 <= shared_entry.age < 31.0


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x01" + b"n" * 80])
async def test_a_value_that_does_not_open_is_a_miss(tier: Tier, garbage: bytes) -> None:
    await tier.client.set(tier.key, garbage, px=10_000)
    assert await tier.read() is None


SEALED_BY_ANOTHER_VERSION = {
    "empty": b"",
    "not utf-8": b"\x95\xc4\x01f\xc4\x01f\xa1\xff\x01\x01",
    "deep": b"\x97\xc4\x01f\xc4\x01f\xa1a\x01\x01" + b"\x91" * 100_000,
}


@pytest.mark.parametrize("written", SEALED_BY_ANOTHER_VERSION.values(), ids=SEALED_BY_ANOTHER_VERSION)
async def test_a_value_that_opens_and_cannot_be_read_is_a_miss(tier: Tier, written: bytes) -> None:
    value = Sealer([SECRET]).seal(CREDENTIAL.parts, CREDENTIAL.fingerprint, written, ANSWER)
    await tier.client.set(tier.key, value, px=10_000)
    assert await tier.read() is None
    assert tier.faults("read") == 0


async def test_a_value_moved_to_another_credentials_key_is_a_miss(tier: Tier) -> None:
    await tier.fill()
    other = Credential(READER, CredentialKind.BEARER, "", ("other",), FINGERPRINTER(("other",)))
    await tier.client.rename(tier.key, tier.tombstones.entry_key(other.fingerprint))
    assert await tier.shared.lookup(other).read() is None


@pytest.mark.parametrize("suffix", ["", ":asked"])
async def test_a_key_of_the_wrong_type_is_a_miss_and_is_deleted(tier: Tier, suffix: str) -> None:
    await tier.client.rpush(f"{tier.key}{suffix}", b"x")
    assert await tier.read() is None
    assert tier.faults("read") == 0
    assert await tier.shared.lookup(CREDENTIAL).claim()
    assert await tier.fill() is RevocationStatus.NONE
    assert await tier.read() is not None


@pytest.mark.parametrize("kind", ["i", "e", "c"])
async def test_no_index_or_tombstone_of_the_wrong_type_keeps_an_answer_from_being_stored(
    tier: Tier, key_prefix: str, kind: str
) -> None:
    for key in RevocationKeys([SECRET]).of_answer(found(), [CREDENTIAL.fingerprint]):
        await tier.client.rpush(f"{key_prefix}{kind}:{key.hex()}", b"x")
    assert await tier.fill() is RevocationStatus.NONE
    assert await tier.read() is not None
    assert {await tier.client.type(key) async for key in tier.client.scan_iter(f"{key_prefix}i:*")} == {b"zset"}


async def test_an_old_value_that_is_put_back_is_as_old_as_it_is(tier: Tier) -> None:
    """Whoever can write to Redis may set the countdown; when it was looked up is sealed."""
    clock = Clock(wall())
    tier.shared.clock = clock
    await tier.fill()
    value = await tier.client.get(tier.key)
    clock.advance(3600)
    await tier.client.set(tier.key, value or b"", px=60_000)
    shared_entry = await tier.read()
    assert isinstance(shared_entry, SharedEntry)
    assert shared_entry.age >= 3600


async def test_what_was_looked_up_far_ahead_of_our_clock_is_a_miss(tier: Tier) -> None:
    clock = Clock(wall() + 3600)
    tier.shared.clock = clock
    await tier.fill()
    clock.advance(-3600)
    assert await tier.read() is None


async def test_a_rejection_travels_with_the_claim_and_no_further(tier: Tier) -> None:
    holder, waiting = tier.shared.lookup(CREDENTIAL), tier.shared.lookup(CREDENTIAL)
    assert await holder.claim()
    assert await waiting.read() is None
    await holder.reject(Rejected(Reason.EXPIRED), "accounts", lifetime=5.0)
    shared = await waiting.read()
    assert isinstance(shared, SharedRejection)
    assert (shared.rejected, shared.authority) == (Rejected(Reason.EXPIRED), "accounts")
    assert 0 < await tier.client.pttl(f"{tier.key}:asked") <= 2000
    stored = await tier.client.get(f"{tier.key}:asked")
    assert b"expired" not in (stored or b"")
    other = Credential(READER, CredentialKind.BEARER, "", ("other",), FINGERPRINTER(("other",)))
    await tier.client.rename(f"{tier.key}:asked", f"{tier.tombstones.entry_key(other.fingerprint)}:asked")
    assert await tier.shared.lookup(other).read() is None


async def test_a_rejection_that_is_put_back_counts_for_some_seconds_at_most(tier: Tier) -> None:
    clock = Clock(wall())
    tier.shared.clock = clock
    holder = tier.shared.lookup(CREDENTIAL)
    await holder.claim()
    await holder.reject(Rejected(Reason.UNKNOWN), "accounts", lifetime=5.0)
    value = await tier.client.get(f"{tier.key}:asked")
    for seconds, counts in ((1.0, True), (8.0, False)):
        await tier.client.set(f"{tier.key}:asked", value or b"", px=60_000)
        clock.advance(seconds)
        assert isinstance(await tier.read(), SharedRejection) is counts


async def test_whoever_holds_no_claim_tells_nobody_and_a_rejection_of_no_life_is_a_release(tier: Tier) -> None:
    holder, waiting = tier.shared.lookup(CREDENTIAL), tier.shared.lookup(CREDENTIAL)
    assert await holder.claim()
    await waiting.reject(Rejected(Reason.UNKNOWN), "accounts", lifetime=5.0)
    assert not await waiting.claim()
    await holder.reject(Rejected(Reason.UNKNOWN), "accounts", lifetime=0.0)
    assert await waiting.claim()


async def test_an_answer_that_is_younger_than_a_rejection_counts(tier: Tier) -> None:
    clock = Clock(wall())
    tier.shared.clock = clock
    holder = tier.shared.lookup(CREDENTIAL)
    await holder.claim()
    await holder.reject(Rejected(Reason.UNKNOWN), "accounts", lifetime=5.0)
    clock.advance(1.0)
    await tier.shared.lookup(CREDENTIAL).fill(SharedEntry(found(), "accounts", 0.0), lifetime=60.0, share=True)
    assert isinstance(await tier.read(), SharedEntry)


async def test_a_claim_without_an_end_can_be_taken(tier: Tier) -> None:
    await tier.client.set(f"{tier.key}:asked", b"1")
    waiting = tier.shared.lookup(CREDENTIAL)
    assert not await waiting.claim()
    assert await waiting.claim(force=True)
    assert await tier.client.pttl(f"{tier.key}:asked") > 0


async def test_an_unchecked_value_that_a_revocation_missed_is_not_served(tier: Tier) -> None:
    """As a fill leaves it whose SET was delivered late, after the revocation had taken everything away."""
    await tier.fill()
    late = await tier.client.get(tier.key)
    (key,) = RevocationKeys([SECRET]).of_target(RevocationTarget(RevocationKind.SESSION, "session-1"))
    await revoke(tier.tombstones, tier.client, RevocationMessage(Revocation(Effect.CHANGED, wall(), 600.0), (key,)))
    await tier.client.set(tier.key, late or b"", px=60_000)
    assert await tier.read() is None


async def test_a_fill_that_finds_a_tombstone_takes_back_what_it_stored(tier: Tier) -> None:
    (key,) = RevocationKeys([SECRET]).of_target(RevocationTarget(RevocationKind.SESSION, "session-1"))
    await revoke(tier.tombstones, tier.client, RevocationMessage(Revocation(Effect.ENDED, wall(), 600.0), (key,)))
    assert await tier.fill() is RevocationStatus.REVOKED
    assert not await tier.client.exists(tier.key)


async def test_one_process_asks_and_the_others_wait_for_it(tier: Tier) -> None:
    first, second = tier.shared.lookup(CREDENTIAL), tier.shared.lookup(CREDENTIAL)
    assert [await first.claim(), await second.claim()] == [True, False]
    await second.release()  # is not its to release
    assert not await second.claim()
    await first.release()
    assert await second.claim()
    await second.fill(ENTRY, lifetime=60.0, share=True)
    assert await tier.shared.lookup(CREDENTIAL).claim()


async def test_an_answer_that_stays_in_memory_leaves_only_hashes(tier: Tier, key_prefix: str) -> None:
    assert await tier.fill(share=False) is RevocationStatus.NONE
    kinds = {key.removeprefix(key_prefix.encode())[:2] async for key in tier.client.scan_iter(f"{key_prefix}*")}
    assert kinds == {b"i:"}


async def test_everything_expires(tier: Tier, key_prefix: str) -> None:
    await tier.shared.lookup(CREDENTIAL).claim()
    await tier.fill()
    lives = [await tier.client.pttl(key) async for key in tier.client.scan_iter(f"{key_prefix}*")]
    assert lives
    assert all(0 < life <= 62_000 for life in lives)


@pytest.mark.processes
async def test_a_server_that_is_out_of_memory_still_tells_of_revocations(key_prefix: str) -> None:
    with redis_server.running(redis_server.program()) as server:
        async with tier_at(server.url, key_prefix) as tier:
            (key,) = RevocationKeys([SECRET]).of_target(RevocationTarget(RevocationKind.SESSION, "session-1"))
            await revoke(
                tier.tombstones, tier.client, RevocationMessage(Revocation(Effect.ENDED, wall(), 600.0), (key,))
            )
            await tier.client.config_set("maxmemory", "1")
            with capture_logs():
                assert await tier.fill() is RevocationStatus.REVOKED
            assert tier.faults("fill") == 1


@pytest.mark.processes
async def test_a_replica_that_may_only_be_read_is_a_miss_and_no_outage(key_prefix: str) -> None:
    with redis_server.running(redis_server.program()) as server:
        async with tier_at(server.url, key_prefix) as tier:
            await tier.fill()
            await tier.client.replicaof(
                "127.0.0.1", server.port
            )  # of itself: it never gets a master, and stays read-only
            with capture_logs():
                assert await tier.shared.lookup(CREDENTIAL).claim()
                assert await tier.fill() in {RevocationStatus.NONE, None}


@pytest.mark.processes
async def test_a_frozen_server_costs_the_allowance_and_then_nothing(key_prefix: str) -> None:
    with redis_server.running(redis_server.program()) as server:
        async with tier_at(server.url, key_prefix, 1.0) as tier:
            await tier.fill()
            server.freeze()
            with capture_logs() as lines:
                for _ in range(10):
                    assert await tier.read() is None
                    assert await tier.fill() is None
            server.thaw()
    assert tier.faults("read") + tier.faults("fill") == 2
    assert len(lines) == 1


@pytest.mark.processes
async def test_a_paused_server_is_a_miss(key_prefix: str) -> None:
    with redis_server.running(redis_server.program()) as server:
        async with tier_at(server.url, key_prefix, 1.0) as tier:
            await tier.fill()
            await tier.client.client_pause(60_000)
            with capture_logs():
                assert await tier.read() is None
