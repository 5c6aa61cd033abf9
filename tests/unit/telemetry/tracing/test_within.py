import asyncio

from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.traced import Traced
from gateway.telemetry.tracing.within import Within, within


async def test_a_look_up_s_own_task_knows_who_began_it() -> None:
    tasks = TaskKeeper()
    begun = asyncio.Event()

    async def look_up() -> Within | None:
        await begun.wait()
        return within.get()

    before = within.get()
    mark = within.set(Within(Traced(1, 2, 3), 2))
    try:
        flight = tasks.start(look_up(), "look-up")
    finally:
        within.reset(mark)
    begun.set()
    around = await flight
    assert around is not None
    assert around.span_id == 2
    assert within.get() is before
