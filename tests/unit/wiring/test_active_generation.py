import asyncio
from typing import Any

import pytest

from gateway.model.refusal import Refusal, RefusalCode
from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.active_generation import ActiveGeneration


class Generation:
    """Answers with its name once it may."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.may_answer = asyncio.Event()
        self.closed = asyncio.Event()
        self.front = self

    async def answer(self, _: Any) -> str:
        await self.may_answer.wait()
        return self.name

    def refuse(self, refusal: Refusal) -> str:
        return f"{self.name} {refusal.code}"

    async def close(self) -> None:
        self.closed.set()


def stage_of(*generations: Generation) -> Any:
    stage: Any = ActiveGeneration(TaskKeeper())
    for each in generations:
        stage.swap(each)
    return stage


async def test_a_request_ends_where_it_began_and_the_generation_with_it() -> None:
    before, after = Generation("before"), Generation("after")
    stage = stage_of(before)
    waiting = [asyncio.gather(stage.answer(None)) for _ in range(2)]
    await asyncio.sleep(0)
    stage.swap(after)
    after.may_answer.set()
    assert await stage.answer(None) == "after"
    assert [each.name for each in stage.living()] == ["after", "before"]
    assert not before.closed.is_set()
    before.may_answer.set()
    assert [await each for each in waiting] == [["before"], ["before"]]
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert [each.name for each in stage.living()] == ["after"]
    assert not after.closed.is_set()


async def test_one_without_requests_is_closed_at_once() -> None:
    before, after = Generation("before"), Generation("after")
    stage = stage_of(before, after)
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert stage.refuse(Refusal(RefusalCode.TIMEOUT)) == "after request_timeout"


async def test_a_request_that_is_cancelled_counts_as_ended() -> None:
    before = Generation("before")
    stage = stage_of(before)
    waiting = asyncio.gather(stage.answer(None))
    await asyncio.sleep(0)
    stage.swap(Generation("after"))
    waiting.cancel()
    await asyncio.wait_for(before.closed.wait(), 5.0)


async def test_in_the_end_all_are_closed() -> None:
    before, after = Generation("before"), Generation("after")
    stage = stage_of(before)
    waiting = asyncio.gather(stage.answer(None))
    await asyncio.sleep(0)
    stage.swap(after)
    await stage.close()
    assert before.closed.is_set()
    assert after.closed.is_set()
    waiting.cancel()


async def test_the_end_waits_for_one_that_is_being_closed() -> None:
    """Whoever cancelled it half way would leave its connections open."""
    before = Generation("before")
    may_close = asyncio.Event()

    async def slowly() -> None:
        await may_close.wait()
        before.closed.set()

    before.close = slowly  # type: ignore[method-assign]
    stage = stage_of(before, Generation("after"))
    ending = asyncio.gather(stage.close())
    await asyncio.sleep(0.01)
    assert not ending.done()
    may_close.set()
    await ending
    assert before.closed.is_set()


async def test_a_request_before_the_first_generation_is_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError):
        await stage_of().answer(None)
