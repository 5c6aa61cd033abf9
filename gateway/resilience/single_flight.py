"""Single flight: concurrent callers with one key share one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from gateway.resilience.tasks import TaskKeeper

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class SingleFlight(Generic[_Key, _Value]):
    """Runs one piece of work for each key at a time, and gives its result to every caller in the meantime.

    The work runs in a task of its own, so a caller that is cancelled only stops waiting, even if it was the first.
    """

    def __init__(self, tasks: TaskKeeper, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._flights: dict[_Key, asyncio.Task[_Value]] = {}

    def __len__(self) -> int:
        """Return the number of running flights."""
        return len(self._flights)

    async def fly(self, key: _Key, work: Callable[[], Coroutine[Any, Any, _Value]]) -> _Value:
        """Return the result of the flight for `key`, started with `work` if there is none; raises its error."""
        return await asyncio.shield(self.start(key, work))

    def start(self, key: _Key, work: Callable[[], Coroutine[Any, Any, _Value]]) -> asyncio.Task[_Value]:
        """Start a flight for `key`, or return the running one, without waiting for it."""
        flight = self._flights.get(key)
        # A finished flight answers no later caller: there may have been a revocation in between.
        if flight is None or flight.done():
            flight = self._tasks.start(work(), self._name)
            self._flights[key] = flight
            flight.add_done_callback(lambda finished: self._landed(key, finished))
        return flight

    def _landed(self, key: _Key, flight: asyncio.Task[_Value]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
