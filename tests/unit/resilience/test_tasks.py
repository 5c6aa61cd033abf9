from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from structlog.testing import capture_logs

from gateway.resilience.tasks import TaskKeeper


@pytest.mark.slow
async def test_a_task_that_nobody_else_holds_runs_to_its_end() -> None:
    keeper = TaskKeeper()
    gate, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await gate.wait()
        done.set()

    reference = weakref.ref(keeper.start(work(), "work"))
    await asyncio.sleep(0)
    gc.collect()
    assert reference() is not None
    gate.set()
    await done.wait()
    await asyncio.sleep(0)
    assert len(keeper) == 0


async def test_a_failure_is_logged_with_the_name_of_the_task() -> None:
    keeper = TaskKeeper()

    async def work() -> None:
        raise ValueError("broken")

    with capture_logs() as lines:
        task = keeper.start(work(), "note activity")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [(line["event"], line["task"], line["log_level"]) for line in lines] == [
        ("task_failed", "note activity", "error")
    ]


async def test_the_result_can_be_awaited() -> None:
    keeper = TaskKeeper()

    async def work() -> int:
        return 7

    assert await keeper.start(work(), "work") == 7


@pytest.mark.slow
async def test_a_task_to_which_a_cancellation_is_lost_is_cancelled_again() -> None:
    """As by `asyncio.wait_for` before Python 3.12."""
    keeper, lost = TaskKeeper(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.append("one")
        await asyncio.Event().wait()

    keeper.start(work(), "work")
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await keeper.aclose()
    assert (len(keeper), lost) == (0, ["one"])


async def test_closing_cancels_waits_and_logs_nothing() -> None:
    keeper = TaskKeeper()
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    keeper.start(work(), "work")
    await asyncio.sleep(0)
    with capture_logs() as lines:
        await keeper.aclose()
        await keeper.aclose()
    assert ended == [True]
    assert lines == []


async def test_nothing_starts_once_closed() -> None:
    keeper = TaskKeeper()
    await keeper.aclose()

    async def work() -> None:
        raise AssertionError

    with pytest.raises(RuntimeError, match="note activity"):
        keeper.start(work(), "note activity")
