"""What stands before an authority: what it is asked is bounded, and its faults stay its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import msgspec
import structlog

from gateway.authorities.authority import Authority
from gateway.credentials.reader import UNREADABLE
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller, Places
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_Answer = TypeVar("_Answer", bound=Answer)

OnCall = Callable[[str, float, float], None]
"""Called with a call's outcome as metrics name it, its begin and its end (both monotonic seconds)."""

_LONGEST_ID = 255
"""Characters of a session id that is asked for; no issuer's is longer, and SQL's usual text column ends there."""

_log = structlog.get_logger(__name__)


class Askable:
    """What an authority may be asked about: credentials of at most `credential_bytes` in all, and printable ids.

    Servers answer a header that is too long, or a NUL in an id, with an error that looks like an outage.
    """

    def __init__(self, credential_bytes: int = 4096) -> None:
        self._credential_bytes = credential_bytes

    def credential(self, credential: Credential) -> bool:
        """Tell whether an authority can know this credential; UNREADABLE stands for bytes that no issuer hands out."""
        parts = credential.parts
        return UNREADABLE not in parts and sum(map(len, parts)) <= self._credential_bytes

    def session_id(self, session_id: str) -> bool:
        """Tell whether a session may have this id."""
        return session_id.isprintable() and len(session_id) <= _LONGEST_ID


class GuardLimits(msgspec.Struct, frozen=True):
    """What an authority may be asked about, how many calls it takes at once, and how long each may take.

    `deadline` is for one call and `patience` for the wait for one of the `places`, in seconds.
    """

    askable: Askable
    places: Places
    deadline: float = 5.0
    patience: float = 1.0


class Guard:
    """Calls one authority behind a breaker, a deadline and a cap; nothing that it raises is ever an allow.

    Three outcomes: an answer; `Undecided`, which is its caller's alone and tells the breaker nothing; `Unavailable`,
    the authority's own fault, which alone feeds the breaker. What cannot be asked about is *not mine*, unasked,
    and so is what the authority disowns: its outage is none of another's callers'.

    One guard stands before one authority, however many readers list it. `on_call` runs after each call, in the task
    that made it.
    """

    def __init__(
        self,
        authority: Authority,
        breaker: Breaker,
        metrics: ResolutionMetrics,
        limits: GuardLimits,
        on_call: OnCall | None = None,
    ) -> None:
        self._authority = authority
        self._breaker = breaker
        self._metrics = metrics
        self._askable = limits.askable
        self._places = limits.places
        self._deadline = limits.deadline
        self._patience = limits.patience
        self._on_call = on_call
        self._logged: set[str] = set()
        self.name = authority.name
        self.memory_only = authority.memory_only

    @property
    def given_up(self) -> bool:
        """Tell whether the breaker is open."""
        return not self._breaker.closed

    async def look_up(self, credential: Credential, caller: Caller) -> Answer:
        """Ask whose credential this is; see `Authority.look_up`."""
        if not self._askable.credential(credential) or self._authority.disowns(credential):
            return None
        return await self._in_place(lambda: self._authority.look_up(credential), caller)

    def unclaimed_because(self, credential: Credential) -> str:
        """Return why a credential that nobody claimed is not this authority's; see `Authority.unclaimed_because`."""
        if not self._askable.credential(credential):
            return f"too long for {self._authority.name}, or not text that it may be asked about"
        return self._authority.unclaimed_because(credential)

    async def session_of(
        self, credential: Credential, session_id: str, caller: Caller
    ) -> Found | Rejected | Unavailable:
        """Ask for another session of the same user; see `Authority.session_of`."""
        if not self._askable.session_id(session_id):
            return Rejected(Reason.GONE)
        return await self._in_place(lambda: self._authority.session_of(credential, session_id), caller)

    async def _in_place(self, call: Callable[[], Awaitable[_Answer]], caller: Caller) -> _Answer | Unavailable:
        if self._breaker.retry_after:
            return self._not_allowed()  # without a wait for a place
        try:
            async with asyncio.timeout(self._patience):
                await self._places.take(caller)
        except TimeoutError:
            return self._no_place(caller)
        try:
            return await self._allowed(call)
        finally:
            self._places.give_back(caller)

    def _no_place(self, caller: Caller) -> Unavailable:
        """Return what no place in time means: for the known, who go first, that the authority is too slow.

        For a stranger it may be the other strangers; neither is counted by the breaker, as nobody was asked.
        """
        if caller.known:
            return Unavailable(f"{self.name} did not answer others in time")
        return Undecided(f"{self.name} is asked by too many at once", asked=False)

    def _not_allowed(self) -> Unavailable:
        return Unavailable(f"{self.name} is given up for now", math.ceil(self._breaker.retry_after) or 1)

    async def _allowed(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        if not self._breaker.allow():
            return self._not_allowed()
        began = monotonic()
        answer: _Answer | Unavailable = Undecided(f"{self.name} was not waited for")
        try:
            answer = await self._in_time(call)
        finally:  # reached on cancellation too: a generation that closes says nothing of its authorities
            self._report(answer)
            outcome, ended = _outcome(answer), monotonic()
            self._metrics.authority_answered(self.name, outcome, ended - began)
            if self._on_call is not None:
                self._on_call(outcome, began, ended)
        return answer

    async def _in_time(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | Unavailable:
        """Map what is raised: too late is the authority's fault; what it did not map itself is this credential's."""
        deadline = asyncio.timeout(self._deadline)
        try:
            async with deadline:
                return await call()
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is no answer
            if deadline.expired() or isinstance(error, TimeoutError):
                return Unavailable(f"{self.name} did not answer in time")
            self._log_once(error)
            return Undecided(f"{self.name} failed: {type(error).__name__}")

    def _log_once(self, error: Exception) -> None:
        """Log each kind of exception once: whoever can cause it may do so with each request."""
        kind = type(error).__name__
        if kind not in self._logged:
            self._logged.add(kind)
            _log.error("authority_failed", authority=self.name, exc_info=error)

    def _report(self, answer: Answer) -> None:
        if isinstance(answer, Undecided):
            self._breaker.abstained()
        elif not isinstance(answer, Unavailable):
            if self._breaker.succeeded():
                _log.info("authority_recovered", authority=self.name)
        elif self._breaker.failed():
            _log.warning("authority_given_up", authority=self.name, fault=answer.detail)


def _outcome(answer: Answer) -> str:
    if answer is None:
        return "not_mine"
    if isinstance(answer, Found):
        return "found"
    if isinstance(answer, Rejected):
        return "rejected"
    return "undecided" if isinstance(answer, Undecided) else "unavailable"
