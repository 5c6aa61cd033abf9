"""A deadline that is moved on every read and reached hardly ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `reached` once when the loop's clock passes the instant that was set last.

    Moving it further off, or clearing it, is one assignment: the timer underneath stays where it is, and asks when it
    fires. A timer of its own for each request would cost more than composing the request's head.
    """

    __slots__ = ("_at", "_loop", "_reached", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, reached: Callable[[], None]) -> None:
        self._loop = loop
        self._reached = reached
        self._at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Move to `at`, in seconds of the loop's clock."""
        self._at = at
        timer = self._timer
        if timer is None:
            self._timer = self._loop.call_at(at, self._fired)
        elif at < timer.when():
            timer.cancel()
            self._timer = self._loop.call_at(at, self._fired)

    def clear(self) -> None:
        """Let nothing happen until it is set again."""
        self._at = 0.0

    def close(self) -> None:
        """Give the timer back."""
        self._at = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fired(self) -> None:
        self._timer = None
        if not self._at:
            return
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._fired)
            return
        self._at = 0.0
        self._reached()
