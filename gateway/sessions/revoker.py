"""Ending a session everywhere, and hearing that somebody else did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from gateway.model.decoding import UNDECODABLE
from gateway.model.revocation_target import RevocationTarget
from gateway.redis.client import RedisClient
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, effect_of
from gateway.sessions.revocation_keys import RevocationKeys
from gateway.sessions.revocation_log import RevocationLog
from gateway.sessions.times import CacheTimes
from gateway.sessions.tombstones import Tombstones, decode_news
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_PAUSE = 0.1

Publish = Callable[[RevocationMessage], Awaitable[bool]]
"""Tells the fleet; returns whether that was done in full."""


class RevocationPublisher:
    """Tells the fleet through Redis. Not behind the breaker: a revocation is tried even when Redis seems away."""

    def __init__(self, client: RedisClient, tombstones: Tombstones) -> None:
        self._client = client
        self._tombstones = tombstones

    async def __call__(self, news: RevocationMessage) -> bool:
        """Set tombstones, take entries away, publish; any step may be done twice, so a fault begins anew."""
        for attempt in range(_ATTEMPTS):
            try:
                await self._tombstones.end(self._client, news)
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("a revocation did not reach redis", attempt=attempt + 1, why=type(error).__name__)
                await asyncio.sleep(_PAUSE)
            else:
                return True
        return False


async def nobody_else(news: RevocationMessage) -> bool:  # noqa: ARG001 - the type's
    """Publish to a fleet of one."""
    return True


class Revoker:
    """Ends things, under every secret, in this process first and then in the fleet. `clock` is in epoch seconds."""

    def __init__(
        self,
        handles: RevocationKeys,
        endings: RevocationLog,
        times: CacheTimes,
        clock: Callable[[], float],
        metrics: ResolutionMetrics,
        announce: Publish = nobody_else,
    ) -> None:
        self._handles = handles
        self._endings = endings
        self._times = times
        self._clock = clock
        self._announce = announce
        self._metrics = metrics

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End it for good: what carries it is refused, whatever an authority says. True when the fleet was told.

        A user's or organization's sessions of before end; those issued later are not touched. Raises ValueError for a
        credential whose id is no fingerprint.
        """
        life = max(self._times.revoked, self._times.changed)
        return await self._end(ended, Revocation(effect_of(ended.kind), self._clock(), life))

    def remember(self, ended: RevocationTarget, at: float) -> None:
        """Take note of what was ended before this process, or its config, was there; nobody else is told.

        `at`, in epoch seconds, is when: whoever signed in since is not touched.
        """
        life = max(self._times.revoked, self._times.changed)
        self._endings.hear(RevocationMessage(Revocation(effect_of(ended.kind), at, life), self._handles.of(ended)))

    async def changed(self, ended: RevocationTarget) -> bool:
        """Forget what was cached of it, everywhere: its row in the directory changed and is to be read again.

        For changes of a directory (`on_change`): the row itself says what became of it.
        """
        return await self._end(ended, Revocation(Effect.CHANGED, self._clock(), self._times.changed))

    async def _end(self, ended: RevocationTarget, ending: Revocation) -> bool:
        news = RevocationMessage(ending, self._handles.of(ended))
        self._endings.hear(news)
        self._metrics.revoked("own")
        return await self._announce(news)


class RevocationSubscriber:
    """Takes in what the bus brings: the callbacks of `fleet.bus.Bus`.

    Made before the bus is heard, so memory starts out as short-lived as it is after a loss.
    """

    def __init__(self, endings: RevocationLog, memory: MemoryStore, metrics: ResolutionMetrics) -> None:
        self._endings = endings
        self._memory = memory
        self._metrics = metrics
        memory.cannot_hear()

    def message(self, payload: bytes) -> None:
        """Hear of one revocation. What cannot be read may be one too, from a newer version: memory is forgotten."""
        try:
            news = decode_news(payload)
        except UNDECODABLE:
            _log.warning("a message on the bus could not be read; memory is forgotten")
            self._memory.clear()
            self._endings.hear_anew()
        else:
            self._endings.hear(news)
            self._metrics.revoked("heard")

    def lost(self) -> None:
        """Nothing is heard from now on."""
        self._memory.cannot_hear()

    def heard(self) -> None:
        """Everything is heard again; what went by meanwhile is not known, so all that is open is resolved again."""
        self._memory.can_hear()
        self._endings.hear_anew()
