from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

from gateway.resilience.places import Caller, Places

FLOOD, GOOD, KNOWN = Caller("192.0.2.1"), Caller("192.0.2.2"), Caller("192.0.2.1", known=True)


class Queue:
    """Callers who wait for a place, in tasks of their own; `served` lists whom one was lent to."""

    def __init__(self, places: int) -> None:
        self.places = Places(places)
        self.served: list[Caller] = []
        self._waiting: dict[asyncio.Task[None], Caller] = {}

    async def come(self, caller: Caller, times: int = 1) -> None:
        for _ in range(times):
            self._waiting[asyncio.get_running_loop().create_task(self._take(caller))] = caller
        await _settled()

    async def leave(self, caller: Caller) -> None:
        for task, who in self._waiting.items():
            if who == caller:
                task.cancel()
        await _settled()

    async def give_back(self, caller: Caller, times: int = 1) -> None:
        for _ in range(times):
            self.places.give_back(caller)
            await _settled()

    async def end(self) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def _take(self, caller: Caller) -> None:
        await self.places.take(caller)
        self.served.append(caller)


async def _settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def queue(places: int):  # type: ignore[no-untyped-def]  # noqa: ANN201
    made = Queue(places)
    try:
        yield made
    finally:
        await made.end()


@pytest.mark.slow
@pytest.mark.parametrize(("places", "share", "kept"), [(64, 36, 16), (5, 3, 1), (4, 3, 1), (3, 3, 0), (1, 1, 0)])
async def test_one_address_takes_its_share_and_leaves_places_for_others_and_the_known(
    places: int, share: int, kept: int
) -> None:
    async with queue(places) as waiting:
        await waiting.come(FLOOD, 2600)
        assert len(waiting.served) == share
        for number in range(places):
            await waiting.come(Caller(f"198.51.100.{number}"))
        assert len(waiting.served) == places - kept
        await waiting.come(KNOWN, places)
        assert Counter(caller.known for caller in waiting.served) == Counter({False: places - kept, True: kept})


async def test_a_flood_is_a_queue_of_its_own() -> None:
    async with queue(1) as waiting:
        await waiting.come(FLOOD, 2600)
        for number in range(3):
            await waiting.come(Caller(f"198.51.100.{number}"))
        await waiting.give_back(FLOOD, 2)  # the flood's first, and the one whose turn it is
        assert [caller.address for caller in waiting.served] == ["192.0.2.1", "192.0.2.1", "198.51.100.0"]
        await waiting.give_back(Caller("198.51.100.0"))
        assert waiting.served[-1].address == "198.51.100.1"


async def test_the_known_go_first() -> None:
    async with queue(1) as waiting:
        await waiting.come(GOOD)
        await waiting.come(FLOOD, 5)
        await waiting.come(KNOWN)
        await waiting.give_back(GOOD)
        assert waiting.served == [GOOD, KNOWN]


async def test_whoever_leaves_is_passed_over_and_takes_no_place_along() -> None:
    async with queue(1) as waiting:
        await waiting.come(GOOD)
        await waiting.come(FLOOD, 3)
        await waiting.come(KNOWN, 2)
        await waiting.leave(FLOOD)
        await waiting.leave(KNOWN)
        await waiting.come(Caller("198.51.100.1"))
        await waiting.give_back(GOOD)
        assert waiting.served == [GOOD, Caller("198.51.100.1")]


@pytest.mark.parametrize("caller", [FLOOD, KNOWN])
async def test_whoever_is_cancelled_as_the_turn_comes_hands_it_on(caller: Caller) -> None:
    places = Places(1)
    await places.take(GOOD)
    first = asyncio.get_running_loop().create_task(places.take(caller))
    second = asyncio.get_running_loop().create_task(places.take(Caller("198.51.100.1")))
    await _settled()
    places.give_back(GOOD)
    first.cancel()  # its turn has come, and it has not heard yet
    async with asyncio.timeout(10):
        await second
    with contextlib.suppress(asyncio.CancelledError):
        await first


async def test_whoever_is_cancelled_before_the_turn_comes_is_passed_over_at_once() -> None:
    places = Places(1)
    await places.take(GOOD)
    first = asyncio.get_running_loop().create_task(places.take(FLOOD))
    second = asyncio.get_running_loop().create_task(places.take(Caller("198.51.100.1")))
    await _settled()
    first.cancel()
    places.give_back(GOOD)
    async with asyncio.timeout(10):
        await second
    with contextlib.suppress(asyncio.CancelledError):
        await first


async def test_every_place_comes_back() -> None:
    places, callers = Places(5), [FLOOD, GOOD, KNOWN, Caller("198.51.100.1")]

    async def visit(caller: Caller) -> None:
        await places.take(caller)
        try:
            await asyncio.sleep(0)
        finally:
            places.give_back(caller)

    visiting = [asyncio.get_running_loop().create_task(visit(callers[number % 4])) for number in range(400)]
    await asyncio.sleep(0)
    for task in visiting[::7]:
        task.cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(*visiting, return_exceptions=True)
        for _ in range(3):
            await places.take(FLOOD)
        await places.take(GOOD)
        await places.take(KNOWN)
