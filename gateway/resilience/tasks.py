"""The one place that creates tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)

_AGAIN = 1.0
"""Seconds after which a task that was cancelled, and has not ended, is cancelled once more."""


class TaskKeeper:
    """Holds tasks until they end and logs those that fail.

    The event loop keeps weak references only, so that a task nobody holds may vanish half way (the note in the
    documentation of `asyncio.create_task`), and a failure that nobody awaits is told when the garbage is collected,
    if ever. One keeper has one owner, who closes it.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        """Return how many tasks have not ended."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, _Result], name: str) -> asyncio.Task[_Result]:
        """Run `work` as a task of its own; `name` stands in the log when it fails.

        Raises RuntimeError once the keeper is closed: work begun then would outlive what it uses.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{name} was started after its keeper was closed")
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - this is the helper that the ban names
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def aclose(self) -> None:
        """Cancel what still runs and wait until it has ended; may be called twice.

        A cancellation may get lost: before Python 3.12 `asyncio.wait_for` forgets one that comes just as what it waits
        for ends (python/cpython#86296), and redis-py sends within it. Such a task would be waited for for ever, and the
        process with it.
        """
        self._closed = True
        left = set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_AGAIN)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            _log.error("task_failed", task=task.get_name(), exc_info=failure)
