"""The fleet's buckets on a real server: what replicas draw from together, and what stands in Redis of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from gateway.redis.buckets import SharedBuckets
from gateway.redis.client import RedisClient, connect
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import Clock
from tests.support.servers.ports import free_port
from tests.support.servers.redis_server import PATIENCE

SECRET = b"s" * 32
HOUR = 3600.0


def buckets_on(client: RedisClient, key_prefix: str) -> SharedBuckets:
    metrics = ResolutionMetrics(CollectorRegistry())
    return SharedBuckets(GuardedRedis(client, PATIENCE, Breaker(Clock()), TaskKeeper(), metrics), key_prefix, SECRET)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url, PATIENCE)
    assert isinstance(client, Redis)
    yield client
    await client.aclose()


async def test_replicas_draw_from_one_bucket(client: Redis, key_prefix: str, redis_url: str) -> None:
    other = connect(redis_url, PATIENCE)
    replicas = [buckets_on(client, key_prefix), buckets_on(other, key_prefix)]
    result = [await replicas[place % 2].take("a", HOUR, 4 * HOUR) for place in range(6)]
    await other.aclose()
    waits, owed = zip(*(each for each in result if each is not None), strict=True)
    assert [wait == 0 for wait in waits] == [True] * 4 + [False] * 2
    assert waits[4] == pytest.approx(HOUR, abs=60)
    assert owed == pytest.approx([HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR], abs=60)


async def test_each_caller_has_its_own(client: Redis, key_prefix: str) -> None:
    buckets = buckets_on(client, key_prefix)
    for name in ("a", "b", "a\x00b", "\udcff"):
        assert await buckets.take(name, HOUR, HOUR) == (0.0, pytest.approx(HOUR, abs=60))


async def test_a_token_comes_back_with_the_servers_time(client: Redis, key_prefix: str) -> None:
    buckets = buckets_on(client, key_prefix)
    for _ in range(50):  # a token costs a microsecond: each is back before the next request
        result = await buckets.take("a", 1e-6, 1e-6)
        assert result is not None
        assert result[0] == 0


async def test_a_smaller_limit_than_yesterdays_locks_nobody_out(client: Redis, key_prefix: str) -> None:
    buckets = buckets_on(client, key_prefix)
    for _ in range(100):
        await buckets.take("a", HOUR, 100 * HOUR)
    result = await buckets.take("a", 1.0, 2.0)
    assert result is not None
    assert 0 < result[0] <= 1.0
    assert result[1] <= 2.0


async def test_redis_is_told_no_names_and_forgets_a_bucket_that_is_full(client: Redis, key_prefix: str) -> None:
    await buckets_on(client, key_prefix).take("session-of-somebody", 60.0, 120.0)
    (key,) = [key async for key in client.scan_iter(f"{key_prefix}*")]
    assert b"somebody" not in key
    assert 59_000 < await client.pttl(key) <= 60_002


async def test_a_server_that_does_not_know_the_script_is_given_it(client: Redis, key_prefix: str) -> None:
    buckets = buckets_on(client, key_prefix)
    for _ in range(2):
        await client.script_flush()
        result = await buckets.take("a", HOUR, 2 * HOUR)
        assert result is not None
        assert result[0] == 0


async def test_when_redis_is_away_nobody_can_tell(key_prefix: str) -> None:
    away = connect(f"redis://127.0.0.1:{free_port()}/0", 0.5)
    assert await buckets_on(away, key_prefix).take("a", 1.0, 1.0) is None
    await away.aclose()


@pytest.mark.parametrize("written", [("RPUSH", "x"), ("SET", "garbage"), ("SET", ""), ("SADD", "x")])
async def test_what_a_stranger_has_put_in_a_buckets_place_is_a_full_bucket(
    client: Redis, key_prefix: str, written: tuple[str, str]
) -> None:
    buckets = buckets_on(client, key_prefix)
    await buckets.take("a", HOUR, 2 * HOUR)
    (name,) = [key async for key in client.scan_iter(f"{key_prefix}*")]
    await client.delete(name)
    await client.execute_command(written[0], name, written[1])
    waits = [result[0] for _ in range(3) if (result := await buckets.take("a", HOUR, 2 * HOUR)) is not None]
    assert [wait == 0 for wait in waits] == [True, True, False]
