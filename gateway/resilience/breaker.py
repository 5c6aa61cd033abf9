"""When a dependency fails, stop asking it for a while."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """Closed lets everything through, open nothing, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts failures in a row and, at `failures` of them, says no for `first_pause` seconds.

    Each failed probe doubles the pause, up to `longest_pause`. After a pause one caller is let through as the probe;
    it must report, and until it does the others are told no. A probe that never reports (its task was cancelled) is
    given up after one more pause. `clock` is monotonic, in seconds.
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
        """Tell whether everything goes through."""
        return self.state is BreakerState.CLOSED

    @property
    def retry_after(self) -> float:
        """Seconds until it is worth asking again; 0 when it is now."""
        return 0.0 if self.closed else max(0.0, self._until - self._clock())

    def allow(self) -> bool:
        """Tell whether the caller may ask; a True is followed by `succeeded` or `failed`."""
        if self.state is BreakerState.CLOSED:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self.state = BreakerState.HALF_OPEN
        self._until = now + self._pause
        return True

    def succeeded(self) -> bool:
        """Note an answer; True when it ended an episode of failures."""
        ended = self.state is not BreakerState.CLOSED
        self._failed = 0
        self._pause = self._first_pause
        self.state = BreakerState.CLOSED
        return ended

    def failed(self) -> bool:
        """Note a failure; True when it began an episode (the breaker opens)."""
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

    def _open(self) -> None:
        self.state = BreakerState.OPEN
        self._until = self._clock() + self._pause
