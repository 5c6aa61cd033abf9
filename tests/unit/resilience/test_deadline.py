from __future__ import annotations

import asyncio

from gateway.resilience.deadline import Deadline


async def test_it_is_reached_once() -> None:
    reached = asyncio.Event()
    count: list[int] = []

    def note() -> None:
        count.append(1)
        reached.set()

    loop = asyncio.get_running_loop()
    Deadline(loop, note).set(loop.time() + 0.01)
    await reached.wait()
    await asyncio.sleep(0.02)
    assert count == [1]


async def test_it_can_be_moved_nearer_and_further_off() -> None:
    loop = asyncio.get_running_loop()
    order: list[str] = []
    done = asyncio.Event()
    nearer, further = Deadline(loop, lambda: order.append("nearer")), Deadline(loop, lambda: order.append("further"))
    last = Deadline(loop, done.set)
    nearer.set(loop.time() + 100)
    nearer.set(loop.time() + 0.02)
    further.set(loop.time() + 0.01)
    further.set(loop.time() + 0.04)
    last.set(loop.time() + 0.06)
    await done.wait()
    assert order == ["nearer", "further"]


async def test_a_cleared_or_closed_one_is_never_reached() -> None:
    loop = asyncio.get_running_loop()
    reached: list[int] = []
    done = asyncio.Event()
    cleared, closed = Deadline(loop, lambda: reached.append(1)), Deadline(loop, lambda: reached.append(2))
    cleared.set(loop.time() + 0.01)
    closed.set(loop.time() + 0.01)
    cleared.clear()
    closed.close()
    Deadline(loop, done.set).set(loop.time() + 0.03)
    await done.wait()
    assert not reached
