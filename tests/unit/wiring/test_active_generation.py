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
        self.public_port = self

    async def answer(self, _: Any) -> str:
        await self.may_answer.wait()
        return self.name

    def refuse(self, refusal: Refusal) -> str:
        return f"{self.name} {refusal.code}"

    async def close(self) -> None:
        self.closed.set()


def activated(*generations: Generation) -> Any:
    active: Any = ActiveGeneration(TaskKeeper())
    for each in generations:
        active.swap(each)
    return active


async def test_a_request_ends_where_it_began_and_the_generation_with_it() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before)
    waiting = [asyncio.gather(active.answer(None)) for _ in range(2)]
    await asyncio.sleep(0)
    active.swap(after)
    after.may_answer.set()
    assert await active.answer(None) == "after"
    assert [each.name for each in active.generations()] == ["after", "before"]
    assert not before.closed.is_set()
    before.may_answer.set()
    assert [await each for each in waiting] == [["before"], ["before"]]
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert [each.name for each in active.generations()] == ["after"]
    assert not after.closed.is_set()


async def test_a_generation_without_requests_is_closed_at_once() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before, after)
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert active.refuse(Refusal(RefusalCode.TIMEOUT)) == "after request_timeout"


async def test_a_request_that_is_cancelled_counts_as_ended() -> None:
    before = Generation("before")
    active = activated(before)
    waiting = asyncio.gather(active.answer(None))
    await asyncio.sleep(0)
    active.swap(Generation("after"))
    waiting.cancel()
    await asyncio.wait_for(before.closed.wait(), 5.0)


async def test_closing_closes_all_generations() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before)
    waiting = asyncio.gather(active.answer(None))
    await asyncio.sleep(0)
    active.swap(after)
    await active.close()
    assert before.closed.is_set()
    assert after.closed.is_set()
    waiting.cancel()


async def test_closing_waits_for_a_generation_that_is_being_closed() -> None:
    """Whoever cancelled it half way would leave its connections open."""
    before = Generation("before")
    may_close = asyncio.Event()

    async def slowly() -> None:
        await may_close.wait()
        before.closed.set()

    before.close = slowly  # type: ignore[method-assign]
    active = activated(before, Generation("after"))
    closing = asyncio.gather(active.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    may_close.set()
    await closing
    assert before.closed.is_set()


async def test_a_request_before_the_first_generation_is_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError):
        await activated().answer(None)
