"""Redis behind a breaker: a fault is a value, costs one timeout at first, and then nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog

from gateway.redis.border import RedisBorder, RedisFault
from gateway.redis.client import RedisClient
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_Reply = TypeVar("_Reply")
_log = structlog.get_logger(__name__)


class Allowance:
    """The seconds that one request may still wait for Redis; all its operations share them."""

    __slots__ = ("left",)

    def __init__(self, seconds: float) -> None:
        self.left = seconds


class GuardedRedis:
    """Runs Redis operations within an allowance, counts faults, and logs an outage when it begins and when it ends.

    While the breaker is open no request waits for Redis: a probe runs in a task of its own when it is due. An error
    reply (out of memory, read-only, wrong type) is a fault of that operation alone; it came quickly, and other
    operations may succeed.
    """

    def __init__(
        self, client: RedisClient, timeout: float, breaker: Breaker, tasks: TaskKeeper, metrics: ResolutionMetrics
    ) -> None:
        self._border = RedisBorder(client)
        self._timeout = timeout
        self._breaker = breaker
        self._tasks = tasks
        self._metrics = metrics
        self._failing: set[str] = set()

    @property
    def reachable(self) -> bool:
        """Tell whether Redis is in use: its breaker is closed."""
        return self._breaker.closed

    def allowance(self) -> Allowance:
        """Return the allowance of one request: the configured timeout, whatever the number of operations."""
        return Allowance(self._timeout)

    async def ask(
        self, operation: Callable[[RedisClient], Awaitable[_Reply]], name: str, allowance: Allowance
    ) -> _Reply | RedisFault:
        """Return what `operation` returns, or a RedisFault; `name` is a fixed word for metrics and the log."""
        if not self._breaker.closed:
            self._probe_when_due()
            return RedisFault("breaker open")
        if allowance.left <= 0:
            return self._failed(name, "allowance spent")
        began = monotonic()
        try:
            reply = await self._border.attempt(operation, allowance.left)
        finally:
            allowance.left -= monotonic() - began
        if isinstance(reply, RedisFault):
            return self._failed(name, reply.why) if reply.refused else self._unreachable(name, reply.why)
        self._succeeded()
        self._failing.discard(name)
        return reply

    def _probe_when_due(self) -> None:
        if self._breaker.allow():
            self._tasks.start(self._probe(), "redis probe")

    async def _probe(self) -> None:
        reply = await self._border.attempt(lambda client: client.ping(), self._timeout)
        if isinstance(reply, RedisFault) and not reply.refused:
            self._breaker.failed()
        else:
            self._succeeded()

    def _succeeded(self) -> None:
        if self._breaker.succeeded():
            _log.info("redis_recovered")

    def _failed(self, name: str, why: str) -> RedisFault:
        self._metrics.redis_fault(name)
        if name not in self._failing:  # a full server serves reads and fails every fill: log that once
            self._failing.add(name)
            _log.warning("redis_operation_failed", operation=name, fault=why)
        return RedisFault(why)

    def _unreachable(self, name: str, why: str) -> RedisFault:
        self._metrics.redis_fault(name)
        if self._breaker.failed():
            _log.warning("redis_given_up", operation=name, fault=why)
            self._metrics.redis_given_up()
        return RedisFault(why)
