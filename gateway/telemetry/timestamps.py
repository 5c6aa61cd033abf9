"""How an instant is written in a log line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


class Stamps:
    """Writes the clock's instant as RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.250Z`.

    The part up to the second is written once a second, because a busy process stamps thousands of lines in each.
    `clock` is in epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = -1
        self._prefix = ""

    def __call__(self) -> str:
        """Return the present instant."""
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{int((now - second) * 1000):03d}Z"
