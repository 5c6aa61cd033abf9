"""Whom an exchange waits for, for how long, and under the name of which limit it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.http1.faults import Fault
from gateway.resilience.deadline import Deadline


class ExchangeDeadline(Deadline):
    """The deadline of an upstream's connection, which is an exchange's while that has it.

    `ends_at` is the end of the exchange's total time on the loop's clock, or 0.
    """

    __slots__ = ("_fault", "_left", "_seconds", "_untaken", "ends_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, reached: Callable[[], None]) -> None:
        super().__init__(loop, reached)
        self.ends_at = 0.0
        self._fault = Fault.IDLE_TIMEOUT
        self._seconds = 0.0
        self._untaken: Callable[[], int] | None = None
        self._left = 0

    def wait(self, seconds: float, fault: Fault) -> None:
        """Wait for bytes; `fault` names the limit that `seconds` is."""
        self._fault = fault
        self._untaken = None
        at, ends_at = self._loop.time() + seconds, self.ends_at
        self.set(min(at, ends_at) if ends_at else at)

    def wait_for_taking(self, seconds: float, fault: Fault, untaken: Callable[[], int]) -> None:
        """Wait for whoever takes bytes; while those go that it has not (`untaken`), it has more time."""
        self.wait(seconds, fault)
        self._seconds = seconds
        self._untaken = untaken
        self._left = untaken()

    def wait_for_ever(self) -> None:
        """Wait for what has a limit of its own, until the exchange's total time is over."""
        self._untaken = None
        if self.ends_at:
            self.set(self.ends_at)
        else:
            self.clear()

    def verdict(self) -> Fault | None:
        """Tell, when it is reached, which limit that was; None for who is slow and not stalled: it waits again."""
        if self.ends_at and self._loop.time() >= self.ends_at:
            return Fault.TOTAL_TIMEOUT
        untaken = self._untaken
        if untaken is not None and untaken() < self._left:
            self.wait_for_taking(self._seconds, self._fault, untaken)
            return None
        return self._fault
