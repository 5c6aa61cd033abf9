"""A loop's clock that a test moves, for protocols whose deadlines are tested without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class Timer:
    """Stands for an `asyncio.TimerHandle`."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self._at = at
        self.call = call
        self.cancelled = False

    def when(self) -> float:
        return self._at

    def cancel(self) -> None:
        self.cancelled = True


class ManualLoop:
    """`as_loop` is what a protocol is given; `advance` moves its clock and calls what is due."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[Timer] = []

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)

    def time(self) -> float:
        return self._now

    def call_at(self, at: float, call: Callable[[], None]) -> Timer:
        timer = Timer(at, call)
        self._timers.append(timer)
        return timer

    def call_soon(self, call: Callable[[], None]) -> Timer:
        return self.call_at(self._now, call)

    def advance(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [timer for timer in self._timers if not timer.cancelled and timer.when() <= end]:
            timer = min(due, key=Timer.when)
            self._timers.remove(timer)
            self._now = max(self._now, timer.when())
            timer.call()
        self._now = end
