"""A circuit breaker: a dependency that fails is not called for a while."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """Closed allows every call, open none, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `failures` failures in a row, for `first_pause` seconds.

    Each failed probe doubles the pause, up to `longest_pause` seconds. After a pause one caller is allowed as the
    probe; until it reports its result, no other is. A probe that never reports (its task was cancelled) is replaced
    after one more pause. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        failures: int = 3,
        first_pause: float = 1.0,
        longest_pause: float = 10.0,
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._failed = 0
        self._pause = first_pause
        self._until = 0.0
        self.state = BreakerState.CLOSED

    @property
    def closed(self) -> bool:
        """Tell whether every call is allowed."""
        return self.state is BreakerState.CLOSED

    @property
    def retry_after(self) -> float:
        """Seconds until the next call may be allowed; 0 when that is now."""
        return 0.0 if self.closed else max(0.0, self._until - self._clock())

    def allow(self) -> bool:
        """Tell whether a call is allowed; after True the caller reports `succeeded`, `failed` or `abstained`."""
        if self.state is BreakerState.CLOSED:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self.state = BreakerState.HALF_OPEN
        self._until = now + self._pause
        return True

    def succeeded(self) -> bool:
        """Report a success; True when it closed the breaker."""
        closed_now = self.state is not BreakerState.CLOSED
        self._failed = 0
        self._pause = self._first_pause
        self.state = BreakerState.CLOSED
        return closed_now

    def failed(self) -> bool:
        """Report a failure; True when it opened a closed breaker."""
        self._failed += 1
        if self.state is BreakerState.CLOSED:
            if self._failed < self._failures:
                return False
            self._open()
            return True
        if self.state is BreakerState.HALF_OPEN:
            self._pause = min(self._pause * 2, self._longest_pause)
            self._open()
        return False

    def abstained(self) -> None:
        """Report a call that says nothing of the dependency: it decides no probe, so the next caller is one."""
        if self.state is BreakerState.HALF_OPEN:
            self._until = self._clock()

    def _open(self) -> None:
        self.state = BreakerState.OPEN
        self._until = self._clock() + self._pause
