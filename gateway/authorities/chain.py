"""A reader's list of authorities, asked in turn, each behind a guard so that its fault stays its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TypeVar

import msgspec
import structlog

from gateway.authorities.authority import Authority
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.resilience.breaker import Breaker
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_Answer = TypeVar("_Answer", bound=Answer)

OnCall = Callable[[str, float, float], None]
"""Called with a call's outcome as metrics name it, its begin and its end (both monotonic seconds)."""

_log = structlog.get_logger(__name__)


class Guard:
    """Calls one authority behind a breaker, a deadline and a cap; any fault is `Unavailable`, never an allow.

    `deadline` is in seconds and includes the wait for one of the `concurrency` places. One guard stands before one
    authority, however many readers list it. `on_call` runs after each call, in the task that made it.
    """

    def __init__(
        self,
        authority: Authority,
        breaker: Breaker,
        metrics: ResolutionMetrics,
        deadline: float = 5.0,
        concurrency: int = 64,
        on_call: OnCall | None = None,
    ) -> None:
        self._authority = authority
        self._breaker = breaker
        self._metrics = metrics
        self._deadline = deadline
        self._places = asyncio.Semaphore(concurrency)
        self._on_call = on_call
        self.name = authority.name
        self.memory_only = authority.memory_only

    @property
    def given_up(self) -> bool:
        """Tell whether the breaker is open."""
        return not self._breaker.closed

    async def look_up(self, credential: Credential) -> Answer:
        """Ask whose credential this is; see `Authority.look_up`."""
        return await self._guarded(lambda: self._authority.look_up(credential))

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Ask for another session of the same user; see `Authority.session_of`."""
        return await self._guarded(lambda: self._authority.session_of(credential, session_id))

    async def _guarded(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        try:
            async with asyncio.timeout(self._deadline), self._places:
                if not self._breaker.allow():
                    return Unavailable(f"{self.name} is given up for now", math.ceil(self._breaker.retry_after) or 1)
                return await self._measured(call)
        except TimeoutError:
            # either no place became free, or `_measured` has counted the failure
            return Unavailable(f"{self.name} did not answer in time")

    async def _measured(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        began = monotonic()
        answer: _Answer | Unavailable = Unavailable(f"{self.name} did not answer in time")
        try:
            answer = await call()
        except Exception as error:  # noqa: BLE001 - whatever it raises is its fault, and never an answer
            _log.exception("authority_failed", authority=self.name)
            answer = Unavailable(f"{self.name} failed: {type(error).__name__}")
        finally:
            # reached on cancellation too: that is the deadline, or a generation that closes
            self._update_breaker(answer)
            outcome, ended = _outcome(answer), monotonic()
            self._metrics.authority_answered(self.name, outcome, ended - began)
            if self._on_call is not None:
                self._on_call(outcome, began, ended)
        return answer

    def _update_breaker(self, answer: Answer) -> None:
        if not isinstance(answer, Unavailable):
            if self._breaker.succeeded():
                _log.info("authority_recovered", authority=self.name)
        elif self._breaker.failed():
            _log.warning("authority_given_up", authority=self.name, fault=answer.detail)


class ChainAnswer(msgspec.Struct, frozen=True):
    """The verdict of a list of authorities, which of them gave it, and whether it may be cached in memory only."""

    verdict: Verdict
    authority: str = ""
    memory_only: bool = False


class Chain:
    """Asks until one claims the credential: *not mine* goes on, any other answer ends the list.

    `Unavailable` ends it too: that authority may be the one that knows the credential as revoked, and the next one
    would not.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = tuple(guards)
        self.memory_only = all(guard.memory_only for guard in guards)

    async def look_up(self, credential: Credential) -> ChainAnswer:
        """Return the verdict; a credential that no authority claims is `Rejected(unknown)`."""
        for guard in self._guards:
            answer = await guard.look_up(credential)
            if answer is not None:
                return ChainAnswer(answer, guard.name, guard.memory_only)
        return ChainAnswer(Rejected(Reason.UNKNOWN))

    async def session_of(
        self, credential: Credential, session_id: str, authority: str
    ) -> Found | Rejected | Unavailable:
        """Return another session of the same user from the authority that knew the credential (`Resolution.authority`).

        `Rejected(gone)` when there is none.
        """
        for guard in self._guards:
            if guard.name == authority:
                return await guard.session_of(credential, session_id)
        return Rejected(Reason.GONE)


def _outcome(answer: Answer) -> str:
    if answer is None:
        return "not_mine"
    if isinstance(answer, Found):
        return "found"
    return "rejected" if isinstance(answer, Rejected) else "unavailable"
