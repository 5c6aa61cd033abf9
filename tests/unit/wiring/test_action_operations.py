from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.authorities.directory import DirectorySettings
from gateway.model.errors import DirectoryError, MissingRecordError
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.wiring.action_operations import ActionParts, DirectoryActions
from tests.support.builders.directory import authority_of, opened

NOBODY: Any = None


@contextlib.asynccontextmanager
async def actions(folder: Path, patience: float = 5.0) -> AsyncIterator[DirectoryActions]:
    tasks = TaskKeeper()
    parts = ActionParts(NOBODY, RejectedLookups(None, time.monotonic), tasks, NOBODY)
    async with opened(f"sqlite:///{folder}/directory.db") as directory:
        settings = DirectorySettings.model_validate({"kind": "directory", "url": "sqlite:///x", "pepper": "p"})
        settings = settings.model_copy(update={"timeout": patience})
        yield DirectoryActions(authority_of(directory), directory, settings, parts)
        await tasks.aclose()


async def test_who_hangs_up_leaves_no_change_untold(tmp_path: Path) -> None:
    began, goes_on, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def change() -> None:
        began.set()
        await goes_on.wait()
        told.set()

    async with actions(tmp_path) as directory:
        caller = directory.parts.tasks.start(directory.run(change()), "caller")
        await began.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        goes_on.set()
        await told.wait()


async def test_a_slow_directory_is_one_that_cannot_be_asked(tmp_path: Path) -> None:
    async with actions(tmp_path, patience=0.001) as directory:
        with pytest.raises(DirectoryError, match="did not answer within"):
            await directory.run(asyncio.sleep(60))


async def test_what_is_asked_wrongly_is_no_failed_task(tmp_path: Path) -> None:
    async def fail() -> None:
        raise MissingRecordError("x")

    async with actions(tmp_path) as directory:
        with capture_logs() as logs, pytest.raises(MissingRecordError):
            await directory.run(fail())
    assert logs == []


async def test_so_many_are_done_at_once_and_an_address_that_floods_waits_for_itself(tmp_path: Path) -> None:
    goes_on, began = asyncio.Event(), asyncio.Semaphore(0)
    done: list[str] = []

    async def change(name: str) -> None:
        done.append(name)
        began.release()
        await goes_on.wait()

    async with actions(tmp_path) as directory:
        start = directory.parts.tasks.start
        flood = [start(directory.run(change(f"flood {number}"), "192.0.2.1"), "caller") for number in range(20)]
        other = start(directory.run(change("other"), "192.0.2.2"), "caller")
        for _ in range(2):
            await began.acquire()
        assert len(done) == 2
        goes_on.set()
        await asyncio.gather(*flood, other)
    assert done.index("other") <= 4
