import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.workers.liveness import until_it_hangs
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.crews import Pair

BRIEF = 0.05


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.open()
    await made.member.swap()
    yield made
    await made.close()


def watch(pair: Pair, patience: Callable[[], float] = lambda: BRIEF) -> asyncio.Task[None]:
    return pair.tasks.start(until_it_hangs(pair.member, patience), "watching")


async def test_one_that_answers_is_asked_again_and_again(pair: Pair) -> None:
    watching = watch(pair)
    await pair.worker.ordered("Ping", 3)
    assert not watching.done()


async def test_one_that_does_not_answer_in_time_hangs(pair: Pair) -> None:
    pair.worker.may_answer.clear()
    await asyncio.wait_for(watch(pair), PATIENCE)
    assert pair.worker.names() == ["Swap", "Ping"]


async def test_when_everything_stood_still_the_worker_has_time_left_to_answer(pair: Pair) -> None:
    pair.worker.may_answer.clear()
    watching = watch(pair)
    await pair.worker.ordered("Ping", 1)
    time.sleep(4 * BRIEF)  # noqa: ASYNC251 - the whole machine stands still: supervisor and worker are on this loop
    pair.worker.may_answer.set()
    await pair.worker.ordered("Ping", 3)
    assert not watching.done()


async def test_one_that_is_drained_has_times_of_its_own(pair: Pair) -> None:
    watching = watch(pair)
    await pair.worker.ordered("Ping", 1)
    pair.worker.may_answer.clear()
    await pair.worker.ordered("Ping", 2)
    draining = asyncio.gather(pair.member.drain(600.0))
    await asyncio.wait({watching}, timeout=4 * BRIEF)
    assert not watching.done()
    await pair.worker.die()
    await draining


async def test_with_no_time_given_nobody_is_asked_until_there_is_one(pair: Pair) -> None:
    times = iter([0.0])
    watch(pair, lambda: next(times, BRIEF))
    await asyncio.sleep(4 * BRIEF)
    assert pair.worker.names() == ["Swap"]
    await pair.worker.ordered("Ping", 2)
