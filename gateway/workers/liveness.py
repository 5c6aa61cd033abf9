"""Notices a worker that hangs: its process is there, and its event loop does not turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.workers.worker_handle import WorkerHandle

_SLICES = 10
"""Parts in which an answer is waited for. Where the supervisor itself stood still (a suspended machine, a paused
container, a host without time for us), its workers did as well: when all go on, it finds one part over, however long
that was, and the rest is theirs to answer in."""

_UNWATCHED = 1.0
"""Seconds after which it is asked again whether workers are to be watched at all; a reload may change that."""


async def until_it_hangs(member: WorkerHandle, patience: Callable[[], float]) -> None:
    """Return when a worker that serves has not answered for `patience()` seconds; 0 is never.

    A worker that does much answers between two things that it does, and one that is being built or drained has times
    of its own. To be cancelled when the worker has ended.
    """
    while True:
        seconds = patience()
        await asyncio.sleep(seconds / _SLICES if seconds else _UNWATCHED)
        if seconds and member.serving and not await _answers(member, seconds) and member.serving:
            return


async def _answers(member: WorkerHandle, seconds: float) -> bool:
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(member.ping())
        for _ in range(_SLICES):
            if (await asyncio.wait({asking}, timeout=seconds / _SLICES))[0]:
                return True
        asking.cancel()
        return False
