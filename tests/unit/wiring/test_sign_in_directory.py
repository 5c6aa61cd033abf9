from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.model.errors import ClashError, DirectoryError
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.process import Process
from gateway.wiring.sign_in_directory import NOBODY, SignInDirectory
from tests.support.builders.directory import authority_of, opened

UNTOLD: Any = None


async def test_who_hangs_up_leaves_nothing_half_done(process: Process, tmp_path: Path) -> None:
    began, goes_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await goes_on.wait()
        done.set()

    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        place = SignInDirectory(authority_of(directory), ChangeNotifier(UNTOLD, process, has_bus=False), process)
        caller = process.tasks.start(place.finished(work()), "caller")
        await began.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        goes_on.set()
        await done.wait()


async def test_a_fault_reaches_the_caller(process: Process, tmp_path: Path) -> None:
    async def work() -> None:
        raise ClashError("taken")

    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        place = SignInDirectory(authority_of(directory), ChangeNotifier(UNTOLD, process, has_bus=False), process)
        with pytest.raises(DirectoryError, match="taken"):
            await place.finished(work())
        assert place.context(NOBODY).actor.by == "sign_in"
        assert place.context(NOBODY).required_peppers is not None
