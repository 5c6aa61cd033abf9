from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.upstream.pool import PoolLimits
from tests.support.clients.raw_http import PATIENCE, RawClient, raw_client
from tests.support.gateways.carrying import Carrying, carrying, route_to
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999\r\n\r\n" + bytes(70_000)


async def read_on(side: UpstreamSide) -> None:
    await side.head()
    await side.closed()


@contextlib.asynccontextmanager
async def uploading(**pool: int) -> AsyncIterator[tuple[Carrying, RawClient]]:
    """An upload that has begun and waits for its caller."""
    async with (
        recording_upstream(read_on) as upstream,
        carrying(route_to(upstream.port), pool=PoolLimits(**pool)) as front,
        raw_client(front.port) as client,
    ):
        await client.send(POST)
        async with asyncio.timeout(PATIENCE):
            await upstream.arrived.wait()
        yield front, client


def yielding(front: Carrying) -> int:
    (pool,) = front.upstreams.pools()
    return len(pool.yielding)


async def test_a_rate_is_judged_after_some_looks() -> None:
    async with uploading() as (front, _):
        front.look(5)
        assert yielding(front) == 0
        front.look()
        assert yielding(front) == 1


async def test_what_has_ended_is_seen_no_more() -> None:
    async with uploading() as (front, client):
        front.look(12)
        client.abort()
        await front.record()
        front.look()
        assert (yielding(front), len(front.forwarder._long._watched)) == (0, 0)


async def test_one_client_may_hold_three_quarters_for_long() -> None:
    async with uploading(connections=1) as (front, _):
        front.look(3)
        assert yielding(front) == 0
    async with uploading(connections=4) as (front, _):
        (pool,) = front.upstreams.pools()
        assert pool.share == 3
        pool.share = 0
        front.look(3)
        assert yielding(front) == 1
