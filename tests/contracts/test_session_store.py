"""What every store of sessions promises; memory runs it, and each real server that this machine has."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from typing import Protocol

import pytest
from prometheus_client import CollectorRegistry

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.redis.client import RedisClient, connect
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import CacheEntry, CacheKeys, CacheTimes, encode
from gateway.sessions.memory import MemoryStore
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.revocation import RevocationKeys, RevocationLog, RevocationStatus
from gateway.sessions.revoker import RevocationPublisher, Revoker, publish_to_nobody
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared_tier import SharedEntry
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import READER, SECRET, SIGNATURE, found, key_session, wall
from tests.support.servers import redis_server
from tests.support.servers.redis_server import PATIENCE

FINGERPRINTER = Fingerprinter([SECRET], READER, "", [b"digest"])
KEYS = RevocationKeys([SECRET])


class LookUp(Protocol):
    """One look-up under way."""

    async def keep(self, answer: Found, lifetime: float = 60.0) -> RevocationStatus: ...

    async def drop(self) -> None: ...


class Store(Protocol):
    """A store with a revoker that acts on it."""

    revoker: Revoker

    def begin(self, credential: Credential) -> LookUp: ...

    async def get(self, credential: Credential) -> Found | None: ...


class InMemory:
    """The tier in this process."""

    def __init__(self) -> None:
        self.revocation_log = RevocationLog(wall)
        self.memory = MemoryStore(1000, 1.0, self.revocation_log, wall)
        self.revoker = _revoker(self.revocation_log)

    def begin(self, credential: Credential) -> LookUp:
        return _MemoryLookUp(self, credential, self.revocation_log.version)

    async def get(self, credential: Credential) -> Found | None:
        entry = self.memory.get(credential.fingerprint, wall())
        return None if entry is None else entry.found()


class _MemoryLookUp:
    def __init__(self, store: InMemory, credential: Credential, version: int) -> None:
        self._store = store
        self._credential = credential
        self._version = version

    async def keep(self, answer: Found, lifetime: float = 60.0) -> RevocationStatus:
        keys = KEYS.of_answer(answer, [self._credential.fingerprint])
        status = self._store.revocation_log.status_of(keys, answer, self._version)
        if status is RevocationStatus.NONE:
            entry = CacheEntry(encode(answer), "accounts", keys, wall(), math.inf, self._version)
            entry.until = wall() + lifetime
            self._store.memory.put(self._credential.fingerprint, entry, wall())
        return status

    async def drop(self) -> None:
        self._store.memory.drop(self._credential.fingerprint)


class InRedis:
    """The tier that processes share."""

    def __init__(self, client: RedisClient, prefix: str, tasks: TaskKeeper) -> None:
        tombstones = Tombstones(prefix, wall, SIGNATURE)
        metrics = ResolutionMetrics(CollectorRegistry())
        self.shared = RedisTier(
            redis=GuardedRedis(client, PATIENCE, Breaker(monotonic), tasks, metrics),
            tombstones=tombstones,
            keys=CacheKeys(KEYS, {READER: FINGERPRINTER}),
            sealer=Sealer([SECRET]),
            clock=wall,
        )
        self.revoker = _revoker(RevocationLog(wall), RevocationPublisher(client, tombstones))

    def begin(self, credential: Credential) -> LookUp:
        return _RedisLookUp(self.shared, credential)

    async def get(self, credential: Credential) -> Found | None:
        shared_entry = await self.shared.lookup(credential).read()
        return None if shared_entry is None else shared_entry.found


class _RedisLookUp:
    def __init__(self, shared: RedisTier, credential: Credential) -> None:
        self._lookup = shared.lookup(credential)
        self._began = monotonic()

    async def keep(self, answer: Found, lifetime: float = 60.0) -> RevocationStatus:
        shared_entry = SharedEntry(answer, "accounts", monotonic() - self._began)
        status = await self._lookup.fill(shared_entry, lifetime=lifetime, share=True)
        assert status is not None
        return status

    async def drop(self) -> None:
        await self._lookup.drop()


def _revoker(revocation_log: RevocationLog, publish: RevocationPublisher | None = None) -> Revoker:
    metrics = ResolutionMetrics(CollectorRegistry())
    return Revoker(KEYS, revocation_log, CacheTimes(), wall, metrics, publish or publish_to_nobody)


def credential(*parts: str) -> Credential:
    return Credential(READER, CredentialKind.BEARER, "", parts, FINGERPRINTER(parts))


@pytest.fixture(scope="module", params=["memory", "cluster", *(redis_server.programs() or ["redis_url"])])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server behind the store; empty for memory."""
    with contextlib.ExitStack() as stack:
        if request.param == "memory":
            yield ""
        elif request.param == "cluster":
            folder = tmp_path_factory.mktemp("cluster")
            yield stack.enter_context(redis_server.running_cluster(redis_server.program(), folder)).url
        elif request.param == "redis_url":
            yield request.getfixturevalue("redis_url")
        else:
            yield stack.enter_context(redis_server.running(redis_server.programs()[request.param])).url


@pytest.fixture
async def store(server: str, key_prefix: str) -> AsyncIterator[Store]:
    if not server:
        yield InMemory()
        return
    tasks, client = TaskKeeper(), connect(server, PATIENCE)
    yield InRedis(client, key_prefix, tasks)
    await tasks.aclose()
    await client.aclose()


KINDS = [
    RevocationTarget(RevocationKind.SESSION, "session-1"),
    RevocationTarget(RevocationKind.USER, "user-1"),
    RevocationTarget(RevocationKind.USER, "member-1"),
    RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
    RevocationTarget(RevocationKind.CREDENTIAL, credential("t").fingerprint.hex()),
]


def _of(target: RevocationTarget) -> str:
    return f"{target.kind.value} {target.id[:9]}"


@pytest.mark.parametrize("answer", [found(), Found(key_session())], ids=["session", "key"])
async def test_what_is_kept_is_got_whole(store: Store, answer: Found) -> None:
    assert await store.begin(credential("t")).keep(answer) is RevocationStatus.NONE
    assert await store.get(credential("t")) == answer


async def test_it_is_nobody_elses(store: Store) -> None:
    await store.begin(credential("a", "bc")).keep(found())
    for other in (credential("ab", "c"), credential("a"), credential("abc"), credential("A", "bc")):
        assert await store.get(other) is None


async def test_it_is_gone_when_its_time_is_over(store: Store) -> None:
    await store.begin(credential("t")).keep(found(), lifetime=0.05)
    await asyncio.sleep(0.06)
    assert await store.get(credential("t")) is None


async def test_what_is_dropped_is_gone(store: Store) -> None:
    await store.begin(credential("t")).keep(found())
    await store.begin(credential("t")).drop()
    assert await store.get(credential("t")) is None


@pytest.mark.parametrize("target", KINDS, ids=_of)
async def test_what_is_revoked_is_gone_and_does_not_come_back(store: Store, target: RevocationTarget) -> None:
    await store.begin(credential("t")).keep(found())
    assert await store.revoker.revoke(target)
    assert await store.get(credential("t")) is None
    assert await store.begin(credential("t")).keep(found()) is RevocationStatus.REVOKED
    assert await store.get(credential("t")) is None


@pytest.mark.parametrize("target", KINDS, ids=_of)
async def test_a_revocation_wins_against_the_look_up_that_began_before_it(
    store: Store, target: RevocationTarget
) -> None:
    lookup = store.begin(credential("t"))
    await store.revoker.revoke(target)
    assert await lookup.keep(found()) is RevocationStatus.REVOKED
    assert await store.get(credential("t")) is None


@pytest.mark.parametrize("target", KINDS, ids=_of)
async def test_a_change_wins_too_and_the_next_look_up_is_kept(store: Store, target: RevocationTarget) -> None:
    await store.begin(credential("t")).keep(found())
    lookup = store.begin(credential("t"))
    await store.revoker.changed(target)
    assert await store.get(credential("t")) is None
    assert await lookup.keep(found()) is RevocationStatus.CHANGED
    assert await store.get(credential("t")) is None
    await asyncio.sleep(0.01)  # the server tells a tombstone's age in whole milliseconds
    assert await store.begin(credential("t")).keep(found()) is RevocationStatus.NONE
    assert await store.get(credential("t")) == found()


async def test_a_change_does_not_undo_a_revocation(store: Store) -> None:
    await store.revoker.revoke(KINDS[0])
    await store.revoker.changed(KINDS[0])
    assert await store.begin(credential("t")).keep(found()) is RevocationStatus.REVOKED


async def test_others_are_not_touched(store: Store) -> None:
    await store.begin(credential("t")).keep(found())
    for target in (
        RevocationTarget(RevocationKind.SESSION, "session-2"),
        RevocationTarget(RevocationKind.USER, "session-1"),
        RevocationTarget(RevocationKind.ORGANIZATION, "org-2"),
        RevocationTarget(RevocationKind.CREDENTIAL, credential("other").fingerprint.hex()),
    ):
        await store.revoker.revoke(target)
    assert await store.get(credential("t")) == found()


async def test_what_was_issued_after_a_users_revocation_is_kept(store: Store) -> None:
    await store.revoker.revoke(RevocationTarget(RevocationKind.USER, "user-1"))
    await asyncio.sleep(0.01)  # as above
    later = found(issued_at=wall() + 2)
    assert await store.begin(credential("new")).keep(later) is RevocationStatus.NONE
    assert await store.get(credential("new")) == later


async def test_whoever_fills_and_whoever_revokes_at_once_the_revocation_wins(store: Store) -> None:
    for round_number in range(30):
        token = credential(f"t{round_number}")
        answer = found(round_number)
        lookup = store.begin(token)
        target = RevocationTarget(RevocationKind.SESSION, f"session-{round_number}")
        await asyncio.gather(lookup.keep(answer), store.revoker.revoke(target))
        assert await store.get(token) is None
