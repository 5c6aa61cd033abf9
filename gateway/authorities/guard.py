"""One authority behind a breaker, a deadline and a cap, so that its fault stays its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog

from gateway.authorities.authority import Authority
from gateway.model.answers import Answer, Found, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.resilience.breaker import Breaker
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_Answer = TypeVar("_Answer", bound=Answer)

OnCall = Callable[[str, float, float], None]
"""(what came of a question, when it began, when it ended), the outcome as metrics name it, the times monotonic."""

_log = structlog.get_logger(__name__)


class Guard:
    """Asks one authority; whatever goes wrong is `Unavailable`, never an allow and never a rejection.

    `deadline` is in seconds and holds for waiting for a place among the `concurrency` look-ups at once as well. One
    guard stands before one authority, whatever the number of readers that list it. `noted` is told of each question,
    in the task that asks it.
    """

    def __init__(
        self,
        authority: Authority,
        breaker: Breaker,
        metrics: ResolutionMetrics,
        deadline: float = 5.0,
        concurrency: int = 64,
        noted: OnCall | None = None,
    ) -> None:
        self._authority = authority
        self._breaker = breaker
        self._metrics = metrics
        self._deadline = deadline
        self._places = asyncio.Semaphore(concurrency)
        self._noted = noted
        self.name = authority.name
        self.memory_only = authority.memory_only

    @property
    def given_up(self) -> bool:
        """Tell whether nothing is asked for now."""
        return not self._breaker.closed

    async def look_up(self, credential: Credential) -> Answer:
        """Ask whose credential this is."""
        return await self._ask(lambda: self._authority.look_up(credential))

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Ask for another session of the same user."""
        return await self._ask(lambda: self._authority.session_of(credential, session_id))

    async def _ask(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        try:
            async with asyncio.timeout(self._deadline), self._places:
                if not self._breaker.allow():
                    return Unavailable(f"{self.name} is given up for now", math.ceil(self._breaker.retry_after) or 1)
                return await self._measured(question)
        except TimeoutError:
            # either no place became free, or `_measured` has told the breaker
            return Unavailable(f"{self.name} did not answer in time")

    async def _measured(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        began = monotonic()
        answer: _Answer | Unavailable = Unavailable(f"{self.name} did not answer in time")
        try:
            answer = await question()
        except Exception as error:  # noqa: BLE001 - whatever it raises is its fault, and never an answer
            _log.exception("authority_failed", authority=self.name)
            answer = Unavailable(f"{self.name} failed: {type(error).__name__}")
        finally:
            # reached on cancellation too: that is the deadline, or a generation that closes
            self._note(answer)
            outcome, ended = _outcome(answer), monotonic()
            self._metrics.authority_answered(self.name, outcome, ended - began)
            if self._noted is not None:
                self._noted(outcome, began, ended)
        return answer

    def _note(self, answer: Answer) -> None:
        if not isinstance(answer, Unavailable):
            if self._breaker.succeeded():
                _log.info("authority_recovered", authority=self.name)
        elif self._breaker.failed():
            _log.warning("authority_given_up", authority=self.name, fault=answer.detail)


def _outcome(answer: Answer) -> str:
    if answer is None:
        return "not_mine"
    if isinstance(answer, Found):
        return "found"
    return "rejected" if isinstance(answer, Rejected) else "unavailable"
