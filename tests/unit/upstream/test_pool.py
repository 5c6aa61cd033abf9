from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import UpstreamAddress
from gateway.resilience.tasks import TaskKeeper
from gateway.upstream.connector import Connector
from gateway.upstream.name_resolution import ResolvedAddresses
from gateway.upstream.pool import Pool, PoolLimits
from tests.support.servers.recording_upstream import RecordingUpstream, UpstreamSide, recording_upstream


async def listen(side: UpstreamSide) -> None:
    await side.closed()


@contextlib.asynccontextmanager
async def pooling(**limits: float) -> AsyncIterator[tuple[Pool, RecordingUpstream]]:
    tasks = TaskKeeper()
    async with recording_upstream(listen) as upstream:
        address = UpstreamAddress("http", "127.0.0.1", upstream.port)
        addresses = ResolvedAddresses(address.host, address.port, 60.0, tasks)
        pool = Pool(Connector(address, addresses, 1000), PoolLimits(**limits))  # type: ignore[arg-type]
        yield pool, upstream
        pool.close()
    await tasks.aclose()


async def test_the_connection_used_last_is_lent_first() -> None:
    async with pooling() as (pool, _):
        first, second = await pool.borrow(1.0), await pool.borrow(1.0)
        pool.give_back(first)
        pool.give_back(second)
        assert (pool.open, pool.idle) == (2, 2)
        assert await pool.borrow(1.0) is second
        pool.give_back(second)


async def test_a_fresh_one_is_made_although_another_is_idle() -> None:
    async with pooling() as (pool, _):
        first = await pool.borrow(1.0)
        pool.give_back(first)
        second = await pool.borrow(1.0, fresh=True)
        assert second is not first
        assert not second.used
        pool.give_back(second)


async def test_one_that_cannot_be_reused_makes_room() -> None:
    async with pooling(connections=1) as (pool, _):
        first = await pool.borrow(1.0)
        first.reusable = False
        pool.give_back(first)
        second = await pool.borrow(1.0)
        assert (second is not first, pool.open) == (True, 1)
        pool.give_back(second)


async def test_a_connection_that_is_lost_as_it_is_handed_over_is_not_lent() -> None:
    async with pooling(connections=1, queue_timeout=10.0) as (pool, _):
        connection = await pool.borrow(1.0)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(pool.borrow(1.0))
            await asyncio.sleep(0)
            pool.give_back(connection)
            connection.abort()
            another = await waiting
        assert another is not connection
        assert another.transport is not None
        assert not another.transport.is_closing()
        pool.give_back(another)
        assert pool.open == 1


async def test_waiters_are_served_in_turn_and_those_that_left_are_skipped() -> None:
    async with pooling(connections=1, queue_timeout=10.0) as (pool, _):
        connection = await pool.borrow(1.0)
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(pool.borrow(1.0))
            waiting = group.create_task(pool.borrow(1.0))
            await asyncio.sleep(0)
            assert pool.waiting == 2
            gone.cancel()
            await asyncio.sleep(0)
            pool.give_back(connection)
            assert await waiting is connection
        pool.give_back(connection)
        assert (pool.open, pool.waiting) == (1, 0)


async def test_what_a_waiter_got_as_it_left_goes_to_the_next() -> None:
    async with pooling(connections=1, queue_timeout=10.0) as (pool, _):
        connection = await pool.borrow(1.0)
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(pool.borrow(1.0))
            waiting = group.create_task(pool.borrow(1.0))
            await asyncio.sleep(0)
            pool.give_back(connection)
            gone.cancel()
            assert await waiting is connection
        pool.give_back(connection)


async def test_a_connection_that_goes_leaves_its_place_to_a_waiter() -> None:
    async with pooling(connections=1, queue_timeout=10.0) as (pool, upstream):
        connection = await pool.borrow(1.0)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(pool.borrow(1.0))
            await asyncio.sleep(0)
            connection.abort()
            second = await waiting
        assert (pool.open, upstream.connections) == (1, 2)
        pool.give_back(second)


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({"connections": 0, "queue": 0}, Fault.QUEUE_FULL),
        ({"connections": 0, "queue_timeout": 0.01}, Fault.QUEUE_TIMEOUT),
    ],
)
async def test_a_full_pool_says_so(limits: dict[str, float], fault: Fault) -> None:
    async with pooling(**limits) as (pool, _):
        with pytest.raises(ExchangeError) as failed:
            await pool.borrow(1.0)
        assert failed.value.fault is fault
        assert pool.waiting == 0


async def test_a_failed_connect_leaves_its_place() -> None:
    async with recording_upstream() as upstream:
        port = upstream.port
    tasks = TaskKeeper()
    addresses = ResolvedAddresses("127.0.0.1", port, 1.0, tasks)
    pool = Pool(Connector(UpstreamAddress("http", "127.0.0.1", port), addresses, 1000), PoolLimits())
    with pytest.raises(ExchangeError) as failed:
        await pool.borrow(1.0)
    assert (failed.value.fault, pool.open, pool.connect_faults) == (Fault.CONNECT, 0, 1)


async def test_a_connect_that_takes_too_long_is_given_up() -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    tasks = TaskKeeper()
    addresses = ResolvedAddresses("up", 1, 1.0, tasks, never)
    pool = Pool(Connector(UpstreamAddress("http", "up", 1), addresses, 1000), PoolLimits())
    with pytest.raises(ExchangeError) as failed:
        await pool.borrow(0.01)
    assert (failed.value.fault, pool.open) == (Fault.CONNECT_TIMEOUT, 0)
    await tasks.aclose()


async def test_a_closed_pool_keeps_nothing() -> None:
    async with pooling() as (pool, _):
        idle, busy = await pool.borrow(1.0), await pool.borrow(1.0)
        pool.give_back(idle)
        pool.close()
        assert idle.transport is None or idle.transport.is_closing()
        assert busy.transport is not None
        assert not busy.transport.is_closing()
        pool.give_back(busy)
        assert pool.idle <= 1
        await asyncio.sleep(0)
        assert (pool.open, pool.idle) == (0, 0)
