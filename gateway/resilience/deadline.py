"""A deadline that is moved on every read and hardly ever reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `reached` once when the loop's clock passes the instant that was set last.

    Moving the deadline further off, or clearing it, is one assignment: the timer stays as it is, and compares when it
    fires. One timer for each request would cost more than composing the request's head.
    """

    __slots__ = ("_at", "_due", "_loop", "_reached", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, reached: Callable[[], None]) -> None:
        self._loop = loop
        self._reached = reached
        self._at = self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Move the deadline to `at`, in seconds of the loop's clock."""
        self._at = at
        timer = self._timer
        if timer is None or at < self._due:
            if timer is not None:
                timer.cancel()
            self._start_timer(at)

    def clear(self) -> None:
        """Remove the deadline until it is set again."""
        self._at = 0.0

    def close(self) -> None:
        """Cancel the timer."""
        self._at = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, at: float) -> None:
        self._due = at
        self._timer = self._loop.call_at(at, self._fired)

    def _fired(self) -> None:
        self._timer = None
        if not self._at:
            return
        if self._loop.time() < self._at:
            self._start_timer(self._at)
            return
        self._at = 0.0
        self._reached()
