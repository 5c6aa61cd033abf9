"""The one place that creates asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0
"""Seconds after which a cancelled task that still runs is cancelled once more."""


class TaskKeeper:
    """References tasks until they end, and logs those that fail.

    The event loop has only weak references, so a task without another reference may disappear half way (see the note
    in the documentation of `asyncio.create_task`), and a failure that nobody awaits is reported on garbage collection,
    if ever. One keeper has one owner, who closes it.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        """Return the number of running tasks."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, _Result], name: str) -> asyncio.Task[_Result]:
        """Run `work` as a task of its own; `name` is logged when it fails.

        Raises RuntimeError once the keeper is closed: new work would outlive what it uses.
        """
        if self._closed:
            work.close()
            raise RuntimeError(f"{name} was started after its keeper was closed")
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - this is the helper that the ban names
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def aclose(self) -> None:
        """Cancel every running task and wait until it has ended; may be called twice.

        A cancellation may get lost: before Python 3.12 `asyncio.wait_for` ignores one that arrives just when its inner
        future ends (python/cpython#86296), and redis-py sends within it. So tasks that still run are cancelled again.
        """
        self._closed = True
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=_RETRY_SECONDS)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            _log.error("task_failed", task=task.get_name(), exc_info=failure)
