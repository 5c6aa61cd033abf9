"""The room put together: what one generation needs to resolve and to revoke."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import random
from time import monotonic

import msgspec

from gateway.credentials.fingerprint import Fingerprinter
from gateway.fleet.bus import Bus
from gateway.fleet.client import RedisClient
from gateway.fleet.guard import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity, Note
from gateway.sessions.endings import Endings
from gateway.sessions.handles import Handles
from gateway.sessions.looking_up import Asks, LookUps, Tiers
from gateway.sessions.memory import MemoryStore
from gateway.sessions.rejections import Rejections
from gateway.sessions.resolver import Resolver
from gateway.sessions.revocation import Announcer, Hearing, Revoker, nobody_else
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared import SharedSessions
from gateway.sessions.tier import Alone, SharedTier
from gateway.sessions.times import CacheTimes
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_REDIS_FAILURES = 2
"""Failures in a row after which Redis is no longer asked: one may be chance."""


class SharedRedis(msgspec.Struct, frozen=True):
    """The Redis that processes share. `timeout` is what a request may wait for it in all, in seconds."""

    client: RedisClient
    key_prefix: str = "gw:"
    timeout: float = 0.05


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the room is made of.

    `secrets`: the first writes, all read; never empty. `chains` and `fingerprinters` are by reader name, `notes` by
    authority name. `clock` is in epoch seconds; `chance` returns 0 to 1, for jitter. `on_news` is called after each
    revocation or change that this process makes or hears, and when it hears again after a loss: whoever holds
    something open resolves it again. Without `redis` this process is alone.
    """

    secrets: Sequence[bytes]
    chains: Mapping[str, Asks]
    fingerprinters: Mapping[str, Fingerprinter]
    clock: Callable[[], float]
    metrics: ResolutionMetrics
    times: CacheTimes = CacheTimes()
    memory_entries: int = 100_000
    rejection_entries: int = 10_000
    notes: Mapping[str, Note] = {}
    redis: SharedRedis | None = None
    on_news: Callable[[], None] = lambda: None
    chance: Callable[[], float] = random


class Sessions:
    """Resolves with `resolver` and ends with `revoker`; `start` once the loop runs, `aclose` after the last request.

    The Redis client is the caller's: it is not closed here.
    """

    def __init__(self, plan: Plan) -> None:
        self.tasks = TaskKeeper()
        self.endings = Endings(plan.clock, plan.on_news)
        self.memory = MemoryStore(plan.memory_entries, plan.times.unheard, self.endings)
        self.rejections = Rejections(plan.clock, plan.times.negative, plan.rejection_entries)
        self.activity = Activity(plan.notes, plan.metrics)
        self.bus: Bus | None = None
        handles = Handles(plan.secrets)
        shared: SharedTier = Alone()
        announce = nobody_else
        if plan.redis is not None:
            tombstones = Tombstones(plan.redis.key_prefix, plan.clock)
            shared = self._shared(plan, plan.redis, tombstones, handles)
            announce = Announcer(plan.redis.client, tombstones)
            self.bus = self._bus(plan, plan.redis, tombstones)
        self.revoker = Revoker(handles, self.endings, plan.times, plan.clock, plan.metrics, announce)
        tiers = Tiers(self.memory, self.rejections, self.endings, shared, handles, plan.fingerprinters)
        self.resolver = Resolver(
            tiers=tiers,
            look_ups=LookUps(tiers, plan.chains, plan.times, plan.clock, plan.chance),
            times=plan.times,
            clock=plan.clock,
            tasks=self.tasks,
            activity=self.activity,
            metrics=plan.metrics,
        )
        plan.metrics.sessions_counted_by(lambda: len(self.memory))

    def start(self) -> None:
        """Begin to hear revocations and to note activity."""
        self.tasks.start(self.activity.work(), "last activity")
        if self.bus is not None:
            self.tasks.start(self.bus.listen(), "revocation bus")

    async def aclose(self) -> None:
        """Stop what runs."""
        await self.tasks.aclose()

    def _shared(self, plan: Plan, redis: SharedRedis, tombstones: Tombstones, handles: Handles) -> SharedSessions:
        breaker = Breaker(monotonic, failures=_REDIS_FAILURES)
        return SharedSessions(
            redis=GuardedRedis(redis.client, redis.timeout, breaker, self.tasks, plan.metrics),
            tombstones=tombstones,
            handles=handles,
            sealer=Sealer(plan.secrets),
            fingerprinters=plan.fingerprinters,
            clock=plan.clock,
        )

    def _bus(self, plan: Plan, redis: SharedRedis, tombstones: Tombstones) -> Bus:
        hearing = Hearing(self.endings, self.memory, plan.metrics)
        return Bus(redis.client, tombstones.channel, hearing.message, hearing.lost, hearing.heard, plan.metrics)
