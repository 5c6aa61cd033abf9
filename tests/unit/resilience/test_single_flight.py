from __future__ import annotations

import asyncio

import pytest

from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper


class Work:
    """Counts how often it is done; waits for `gate`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.done = 0
        self.gate = asyncio.Event()
        self._fails = fails

    async def __call__(self) -> int:
        await self.gate.wait()
        self.done += 1
        if self._fails:
            raise ValueError("broken")
        return self.done


@pytest.fixture
def flights() -> SingleFlight[str, int]:
    return SingleFlight(TaskKeeper(), "test")


async def test_everybody_gets_the_one_answer(flights: SingleFlight[str, int]) -> None:
    work = Work()
    callers = [asyncio.gather(*(flights.fly("a", work) for _ in range(100)))]
    work.gate.set()
    assert await callers[0] == [1] * 100
    assert work.done == 1


async def test_keys_do_not_wait_for_each_other(flights: SingleFlight[str, int]) -> None:
    slow, quick = Work(), Work()
    quick.gate.set()
    flights.start("a", slow)
    assert await flights.fly("b", quick) == 1
    assert slow.done == 0
    slow.gate.set()
    assert await flights.fly("a", slow) == 1


async def test_a_caller_that_is_cancelled_takes_nobody_along(flights: SingleFlight[str, int]) -> None:
    work = Work()
    keeper = TaskKeeper()
    first = keeper.start(flights.fly("a", work), "first")
    second = keeper.start(flights.fly("a", work), "second")
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.gate.set()
    assert await second == 1


async def test_a_failure_reaches_all_and_the_next_caller_starts_anew(flights: SingleFlight[str, int]) -> None:
    broken = Work(fails=True)
    broken.gate.set()
    results = await asyncio.gather(flights.fly("a", broken), flights.fly("a", broken), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    whole = Work()
    whole.gate.set()
    assert await flights.fly("a", whole) == 1


async def test_what_has_landed_answers_nobody_who_asks_later(flights: SingleFlight[str, int]) -> None:
    work = Work()
    work.gate.set()
    landed = flights.start("a", work)
    asked_again: list[asyncio.Task[int]] = []
    # runs in the very turn of the loop in which the first flight ends, before the flight is forgotten
    landed.add_done_callback(lambda _: asked_again.append(flights.start("a", work)))
    await landed
    await asyncio.sleep(0)
    assert await asked_again[0] == 2
    await asyncio.sleep(0)
    assert len(flights) == 0
