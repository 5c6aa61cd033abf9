"""Redis behind a breaker: a fault is told as a value, and costs little once and then nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import msgspec
import structlog
from redis.exceptions import RedisError, ResponseError

from gateway.redis.client import RedisClient
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)


class RedisFault(msgspec.Struct, frozen=True):
    """Redis could not be asked, or could not answer; `why` is the name of an exception, or `breaker open`."""

    why: str


class Allowance:
    """What one request may still wait for Redis, in seconds; several questions share it."""

    __slots__ = ("left",)

    def __init__(self, seconds: float) -> None:
        self.left = seconds


class GuardedRedis:
    """Asks Redis within an allowance, counts faults, and logs once when an episode of them begins and ends.

    While the breaker is open nothing is asked, and nobody waits: a probe runs in a task of its own when it is due, so
    that no request pays for finding out that Redis is still away. An error that Redis itself answers (out of memory,
    read-only, wrong type) is a fault of that question alone; it came quickly, and other questions may do.
    """

    def __init__(
        self, client: RedisClient, timeout: float, breaker: Breaker, tasks: TaskKeeper, metrics: ResolutionMetrics
    ) -> None:
        self.client = client
        self._timeout = timeout
        self._breaker = breaker
        self._tasks = tasks
        self._metrics = metrics
        self._complaining: set[str] = set()

    @property
    def reachable(self) -> bool:
        """Tell whether Redis is asked."""
        return self._breaker.closed

    def allowance(self) -> Allowance:
        """Return the allowance of one request: the configured timeout, whatever the number of questions."""
        return Allowance(self._timeout)

    async def ask(
        self, question: Callable[[RedisClient], Awaitable[_Result]], operation: str, allowance: Allowance
    ) -> _Result | RedisFault:
        """Return what `question` returns, or a RedisFault. `operation` is a fixed word for metrics and the log."""
        if not self._breaker.closed:
            self._probe_when_due()
            return RedisFault("breaker open")
        if allowance.left <= 0:
            return self._at_fault(operation, "allowance spent")
        began = monotonic()
        try:
            async with asyncio.timeout(allowance.left):
                result = await question(self.client)
        except ResponseError as error:
            return self._at_fault(operation, type(error).__name__)
        except (RedisError, OSError, TimeoutError) as error:
            return self._unreachable(operation, type(error).__name__)
        finally:
            allowance.left -= monotonic() - began
        self._well()
        self._complaining.discard(operation)
        return result

    def _probe_when_due(self) -> None:
        if self._breaker.allow():
            self._tasks.start(self._probe(), "redis probe")

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self.client.ping()
        except (RedisError, OSError, TimeoutError):
            self._breaker.failed()
        else:
            self._well()

    def _well(self) -> None:
        if self._breaker.succeeded():
            _log.info("redis_recovered")

    def _at_fault(self, operation: str, why: str) -> RedisFault:
        self._metrics.redis_fault(operation)
        if operation not in self._complaining:  # a full server reads well and fails each fill: that is one episode
            self._complaining.add(operation)
            _log.warning("redis_operation_failed", operation=operation, fault=why)
        return RedisFault(why)

    def _unreachable(self, operation: str, why: str) -> RedisFault:
        self._metrics.redis_fault(operation)
        if self._breaker.failed():
            _log.warning("redis_given_up", operation=operation, fault=why)
            self._metrics.redis_given_up()
        return RedisFault(why)
