"""Small whole parts for tests of sessions: a clock, an authority that answers as set, a resolver put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Self

import msgspec
from prometheus_client import CollectorRegistry

from gateway.authorities.chain import ChainAnswer
from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found, Reason, Rejected, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import ApiKey, Member, Organization, Session, User
from gateway.redis.bus import Bus
from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity, NoteActivity
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.cache_entry import CacheKeys, CacheTimes
from gateway.sessions.lookup import Lookups
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.sessions.resolver import Resolver
from gateway.sessions.revocation import RevocationKeys, RevocationLog, RevocationMessage
from gateway.sessions.revoker import (
    PublishRevocation,
    RevocationPublisher,
    RevocationSubscriber,
    Revoker,
    publish_to_nobody,
)
from gateway.sessions.sealing import Sealer
from gateway.sessions.session_cache import CacheTiers, SessionCache
from gateway.sessions.shared_tier import NoSharedTier, SharedTier
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics

NOW = 1_700_000_000.0
SECRET = b"s" * 32
READER = "token"
SIGNATURE = BusSignature([SECRET])


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def wall() -> float:
    """The real time, in epoch seconds: replicas that share a real Redis share it too."""
    return time.time()  # noqa: TID251 - tests are their own runtime


class Clock:
    """Epoch seconds that pass when advanced."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def session(number: int = 1, *, created_at: float = NOW - 1000, expires_at: float | None = None) -> Session:
    return Session(
        subject=f"user-{number}",
        id=f"session-{number}",
        user=User(id=f"user-{number}", email=f"user-{number}@example.com", name=f"Ada Lovelace {number}"),
        organization=Organization(id="org-1", name="Analytical Engines"),
        member=Member(id=f"member-{number}", role="admin"),
        roles=("admin", "writer"),
        created_at=instant(created_at),
        expires_at=None if expires_at is None else instant(expires_at),
    )


def key_session(number: int = 1, *, created_at: float = NOW - 1000) -> Session:
    at = instant(created_at)
    return Session(
        subject=f"member-{number}",
        member=Member(id=f"member-{number}", role="admin"),
        organization=Organization(id="org-1"),
        api_key=ApiKey(auto_id=number, id=f"key-{number}", type="user", name="ci", created_at=at, updated_at=at),
    )


def found(number: int = 1, *, issued_at: float | None = None, expires_at: float | None = None) -> Found:
    return Found(
        session(number),
        None if issued_at is None else instant(issued_at),
        None if expires_at is None else instant(expires_at),
    )


class Authority:
    """A reader's authorities as the resolver sees them: `answers` by the credential's first part.

    While `gate` is not set, every look-up waits. `look_ups` lists their credentials, in order; each sets `began`.
    """

    def __init__(self, *, memory_only: bool = False) -> None:
        self.answers: dict[str, Verdict] = {}
        self.look_ups: list[str] = []
        self.callers: list[Caller | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.memory_only = memory_only

    async def look_up(self, credential: Credential, caller: Caller | None = None) -> ChainAnswer:
        self.callers.append(caller)
        self.look_ups.append(credential.parts[0])
        answer = self.answers.get(credential.parts[0], Rejected(Reason.UNKNOWN))
        self.began.set()
        await self.gate.wait()
        return ChainAnswer(answer, "accounts", self.memory_only)


class SharedRedis(msgspec.Struct, frozen=True):
    """The Redis that a test's replicas share; `timeout` in seconds."""

    client: RedisClient
    key_prefix: str
    timeout: float


class Gateway:
    """One process's sessions, put together as the runtime does; given a Redis it is one replica of a fleet."""

    def __init__(  # noqa: PLR0917 - a test names the few that it needs
        self,
        authority: Authority,
        clock: Callable[[], float],
        times: CacheTimes | None = None,
        redis: SharedRedis | None = None,
        secrets: tuple[bytes, ...] = (SECRET,),
        notes: Mapping[str, NoteActivity] | None = None,
        memory_entries: int = 1000,
    ) -> None:
        times = times or CacheTimes(jitter=0.0)
        self.registry = CollectorRegistry()
        self.tasks = TaskKeeper()
        self.revoked = asyncio.Event()
        self.fingerprinter = Fingerprinter(secrets, READER, "", [b"digest"])
        self.metrics = ResolutionMetrics(self.registry)
        revocation_log, keys = RevocationLog(clock, self.revoked.set), RevocationKeys(secrets)
        self.memory = MemoryStore(memory_entries, times.unheard, revocation_log, clock)
        self.negative_cache = NegativeCache(clock, times.negative, 100)
        self.activity = Activity(notes or {}, self.metrics, clock)
        self.bus: Bus | None = None
        shared: SharedTier = NoSharedTier()
        publish: PublishRevocation = publish_to_nobody
        cache_keys = CacheKeys(keys, {READER: self.fingerprinter})
        if redis is not None:
            tombstones = Tombstones(redis.key_prefix, clock, BusSignature(secrets))
            shared = RedisTier(
                redis=GuardedRedis(redis.client, redis.timeout, Breaker(monotonic), self.tasks, self.metrics),
                tombstones=tombstones,
                keys=cache_keys,
                sealer=Sealer(secrets),
                clock=clock,
            )
            publish = RevocationPublisher(redis.client, tombstones)
            subscriber = RevocationSubscriber(revocation_log, self.memory, self.metrics, clock, BusSignature(secrets))
            callbacks = (subscriber.on_message, subscriber.on_lost, subscriber.on_subscribed)
            self.bus = Bus(redis.client, tombstones.channel, *callbacks, self.metrics)
        cache = SessionCache(CacheTiers(self.memory, self.negative_cache, shared), cache_keys, times, clock, now=clock)
        lookups = Lookups(cache, {READER: authority}, RejectedLookups(None, clock), self.tasks)
        self.resolver = Resolver(cache, lookups, self.activity, self.metrics)
        self.revoker = Revoker(keys, revocation_log, times, clock, self.metrics, publish)

    async def __aenter__(self) -> Self:
        """Start, and wait until the bus is subscribed."""
        self.tasks.start(self.activity.run(), "last activity")
        if self.bus is not None:
            self.tasks.start(self.bus.listen(), "revocation bus")
            await self.bus.subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.tasks.aclose()

    def credential(self, *parts: str) -> Credential:
        return Credential(READER, CredentialKind.BEARER, "", parts, self.fingerprinter(parts))

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


class NextRevocation:
    """Waits for the next revocation that reaches a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._revoked = gateway.revoked
        self._revoked.clear()

    async def wait(self) -> None:
        await self._revoked.wait()


async def revoke(tombstones: Tombstones, client: RedisClient, message: RevocationMessage) -> None:
    """Revoke as RevocationPublisher does, and let faults through."""
    await tombstones.announce(client, message)
    await tombstones.clean_up(client, message)
