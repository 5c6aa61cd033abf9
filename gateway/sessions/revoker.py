"""Revoking a session everywhere, and taking in what other processes revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from gateway.model.errors import UNDECODABLE
from gateway.model.session import RevocationTarget
from gateway.redis.border import RedisBorder, RedisFault
from gateway.redis.client import RedisClient
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.cache_entry import CacheTimes
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import (
    Effect,
    Revocation,
    RevocationKeys,
    RevocationLog,
    RevocationMessage,
    bounded,
    effect_of,
)
from gateway.sessions.tombstones import Tombstones, decode_message
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_PAUSE = 0.1
"""Seconds between two attempts."""
_QUIET_SECONDS = 60.0
"""Between two log lines about messages that cannot be read."""
_STEP_SECONDS = 30.0
"""For one attempt: each command has the client's own timeout, and an organization may have many sessions."""

PublishRevocation = Callable[[RevocationMessage], Awaitable[bool]]
"""Sends a message to the other processes; returns whether that was done in full, and does not raise."""


class RevocationPublisher:
    """Publishes through Redis. Not behind the breaker: a revocation is tried even when Redis seems away."""

    def __init__(self, client: RedisClient, tombstones: Tombstones) -> None:
        self._border = RedisBorder(client)
        self._tombstones = tombstones

    async def __call__(self, message: RevocationMessage) -> bool:
        """Announce it, then clean up; each may be done twice, so a fault begins that step anew.

        Cleaning up is last and alone: what a stranger has put in its way must not keep the others from hearing.
        """
        announced = await self._repeated(lambda client: self._tombstones.announce(client, message))
        if announced is not None and not announced.refused:
            return False
        cleaned = await self._repeated(lambda client: self._tombstones.clean_up(client, message))
        return announced is None and cleaned is None

    async def _repeated(self, step: Callable[[RedisClient], Awaitable[None]]) -> RedisFault | None:
        """Take one step, and again after a fault; return the last fault."""
        fault: RedisFault | None = None
        for attempt in range(_ATTEMPTS):
            fault = await self._border.attempt(step, _STEP_SECONDS)
            if fault is None:
                break
            _log.warning("revocation_publish_failed", attempt=attempt + 1, fault=fault.why)
            await asyncio.sleep(_PAUSE)
        return fault


async def publish_to_nobody(message: RevocationMessage) -> bool:  # noqa: ARG001 - the type's
    """Publish where no other process shares anything with this one."""
    return True


class Revoker:
    """Revokes targets under every secret, in this process first and then in all others.

    `clock` is in epoch seconds.
    """

    def __init__(
        self,
        keys: RevocationKeys,
        revocation_log: RevocationLog,
        times: CacheTimes,
        clock: Callable[[], float],
        metrics: ResolutionMetrics,
        publish: PublishRevocation = publish_to_nobody,
    ) -> None:
        self._keys = keys
        self._revocation_log = revocation_log
        self._times = times
        self._clock = clock
        self._publish = publish
        self._metrics = metrics

    async def revoke(self, target: RevocationTarget) -> bool:
        """Refuse the target for good, whatever an authority says; True when every process was told.

        For a user or organization this holds for what was issued before now, so that a user may sign in again. Raises
        ValueError for a credential whose id is no fingerprint.
        """
        return await self._record_and_publish(target, self._lasting(target, self._clock()))

    def remember(self, target: RevocationTarget, at: float) -> None:
        """Record a revocation from before this process, or its config, existed; it is not published.

        `at` is when it was revoked, in epoch seconds. Raises ValueError for a credential whose id is no fingerprint.
        """
        revocation = self._lasting(target, at)
        self._revocation_log.record(RevocationMessage(revocation, self._keys.of_target(target)))

    async def changed(self, target: RevocationTarget) -> bool:
        """Look the target up again everywhere, because its row in the directory changed; True when all were told.

        Raises ValueError for a credential whose id is no fingerprint.
        """
        return await self._record_and_publish(target, Revocation(Effect.CHANGED, self._clock(), self._times.changed))

    def _lasting(self, target: RevocationTarget, at: float) -> Revocation:
        return Revocation(effect_of(target.kind), at, max(self._times.revoked, self._times.changed))

    async def _record_and_publish(self, target: RevocationTarget, revocation: Revocation) -> bool:
        message = RevocationMessage(revocation, self._keys.of_target(target))
        self._revocation_log.record(message)
        self._metrics.revoked("own")
        return await self._publish(message)


class RevocationSubscriber:
    """The callbacks of `redis.bus.Bus`: takes in what other processes revoked.

    It is made before the bus is connected, so memory starts out as short-lived as after a loss. `clock` is in epoch
    seconds.
    """

    def __init__(
        self,
        revocation_log: RevocationLog,
        memory: MemoryStore,
        metrics: ResolutionMetrics,
        clock: Callable[[], float],
        signature: BusSignature,
    ) -> None:
        self._revocation_log = revocation_log
        self._memory = memory
        self._metrics = metrics
        self._clock = clock
        self._signature = signature
        self._quiet_until = 0.0
        memory.distrust_bus()

    def on_message(self, payload: bytes) -> None:
        """Record one message; what is not signed is nobody's, and is only counted.

        One that is signed and cannot be read may be a newer version's revocation, so memory is cleared.
        """
        body = self._signature.opened(payload)
        if body is None:
            self._metrics.revoked("unreadable")
            self._log_garbage()
            return
        try:
            message = decode_message(body)
        except UNDECODABLE:
            self._metrics.revoked("unreadable")
            self._log_garbage()
            self._memory.clear()
            self._revocation_log.record_gap()
        else:
            revocation = bounded(message.revocation, self._clock())
            self._revocation_log.record(RevocationMessage(revocation, message.keys))
            self._metrics.revoked("heard")

    def _log_garbage(self) -> None:
        """Log garbage once in a while: whoever may publish could fill the log with it."""
        now = monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            _log.warning("revocation_message_unreadable")

    def on_lost(self) -> None:
        """Shorten memory: revocations are missed from now on."""
        self._memory.distrust_bus()

    def on_subscribed(self) -> None:
        """Trust the bus again, and resolve again all that is open, since revocations may have been missed."""
        self._memory.trust_bus()
        self._revocation_log.record_gap()
