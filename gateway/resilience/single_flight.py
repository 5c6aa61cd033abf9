"""Many callers, one question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from gateway.resilience.tasks import TaskKeeper

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


class SingleFlight(Generic[_Key, _Result]):
    """Runs one piece of work per key at a time and gives its result to everybody who asks meanwhile.

    The work runs in a task of its own: whoever asked first may vanish, and takes nobody's answer with them. A caller
    that is cancelled only stops waiting.
    """

    def __init__(self, tasks: TaskKeeper, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._flights: dict[_Key, asyncio.Task[_Result]] = {}

    def __len__(self) -> int:
        """Return how many flights are under way."""
        return len(self._flights)

    async def fly(self, key: _Key, work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
        """Return the result of the flight for `key`, started with `work` if there is none; raises what that raises."""
        return await asyncio.shield(self.start(key, work))

    def start(self, key: _Key, work: Callable[[], Coroutine[Any, Any, _Result]]) -> asyncio.Task[_Result]:
        """Start a flight for `key`, or return the one under way, without waiting for it."""
        flight = self._flights.get(key)
        # a flight that has landed answers nobody who asks later: a revocation may stand between the two
        if flight is None or flight.done():
            flight = self._tasks.start(work(), self._name)
            self._flights[key] = flight
            flight.add_done_callback(lambda ended: self._landed(key, ended))
        return flight

    def _landed(self, key: _Key, flight: asyncio.Task[_Result]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
