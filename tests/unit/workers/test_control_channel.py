import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.resilience.tasks import TaskKeeper
from gateway.workers.control import Collect, Command, Discard, Drain, Reply, Swap
from gateway.workers.control_channel import ChannelClosedError, ControlChannel, open_channel


async def nothing(_: Command) -> Reply:
    return Reply()


class Worker:
    """Answers `Drain` when it is told to, `Discard` never, and everything else at once."""

    def __init__(self) -> None:
        self.may_drain = asyncio.Event()

    async def carry(self, order: Command) -> Reply:
        if isinstance(order, Drain):
            await self.may_drain.wait()
            return Reply(fault="drained")
        if isinstance(order, Discard):
            await asyncio.Event().wait()
        return Reply(fault=type(order).__name__)


@asynccontextmanager
async def both(worker: Worker) -> AsyncIterator[tuple[ControlChannel, ControlChannel]]:
    ours, theirs = socket.socketpair()
    one, other = await open_channel(ours), await open_channel(theirs)
    tasks = TaskKeeper()
    tasks.start(one.listen(nothing), "supervisor")
    tasks.start(other.listen(worker.carry), "worker")
    yield one, other
    await one.close()
    await other.close()
    await tasks.aclose()


async def test_a_slow_order_does_not_hold_up_others() -> None:
    worker = Worker()
    async with both(worker) as (channel, _):
        slow = asyncio.gather(channel.ask(Drain(1.0)))
        assert (await channel.ask(Swap())).fault == "Swap"
        assert (await channel.ask(Collect())).fault == "Collect"
        worker.may_drain.set()
        assert [report.fault for report in await slow] == ["drained"]


async def test_both_ends_may_ask() -> None:
    async with both(Worker()) as (_, other):
        assert await other.ask(Swap()) == Reply()


async def test_whoever_waits_is_told_that_the_other_end_has_gone() -> None:
    async with both(Worker()) as (channel, other):
        waiting = asyncio.gather(channel.ask(Discard()))
        await channel.ask(Swap())
        await other.close()
        with pytest.raises(ChannelClosedError):
            await waiting
        with pytest.raises(ChannelClosedError):
            await channel.ask(Swap())


async def test_an_order_that_nobody_waits_for_any_more_disturbs_nobody() -> None:
    worker = Worker()
    async with both(worker) as (channel, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await channel.ask(Drain(1.0))
        worker.may_drain.set()
        assert (await channel.ask(Swap())).fault == "Swap"


async def test_a_message_of_impossible_length_ends_the_channel() -> None:
    ours, theirs = socket.socketpair()
    channel = await open_channel(ours)
    theirs.sendall(b"\xff" * 8)
    await asyncio.wait_for(channel.listen(nothing), 5.0)
    with pytest.raises(ChannelClosedError):
        await channel.ask(Swap())
    await channel.close()
    theirs.close()
