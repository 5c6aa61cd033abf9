import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.settings import Settings
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_keys import CacheKeys
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage
from gateway.sessions.revocation_keys import RevocationKeys
from gateway.sessions.revocation_log import RevocationLog
from gateway.sessions.revoker import nobody_else
from gateway.sessions.shared import SharedSessions
from gateway.sessions.tier import Alone
from gateway.wiring.process import Process
from gateway.wiring.redis import RedisWiring, cache_times, secrets_of

HANDLE = b"\1" * 16


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    with (tmp_path / "log").open("wb") as output:
        made = Process(output)
        yield made
        await made.close()


def settings(**keys: object) -> Settings:
    return Settings.model_validate({"secret": ["new", "old"], **keys})


def test_the_times_and_secrets_are_the_config_s() -> None:
    read = settings(cache={"fresh": "1s", "stale": "2s", "negative": "3s", "unheard": "4s", "revoked": "5s"})
    times = cache_times(read)
    assert (times.fresh, times.stale, times.negative, times.unheard, times.revoked) == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert secrets_of(read) == (b"new", b"old")


async def test_without_redis_a_process_is_alone(process: Process) -> None:
    parts = RedisWiring(settings(), process, process.tasks)
    endings = RevocationLog(process.clock)
    parts.listen(endings, MemoryStore(10, 1.0, endings))
    assert parts.announce() is nobody_else
    assert isinstance(parts.shared_tier(CacheKeys(RevocationKeys([b"s"]), {})), Alone)
    assert len(process.tasks) == 0
    await parts.close()


async def test_what_one_replica_announces_another_hears(process: Process, redis_url: str, key_prefix: str) -> None:
    read = settings(redis={"url": redis_url, "key_prefix": key_prefix, "timeout": "1s"})
    tasks = TaskKeeper()
    one, other = RedisWiring(read, process, tasks), RedisWiring(read, process, tasks)
    heard = asyncio.Event()
    endings = RevocationLog(process.clock, heard.set)
    one.listen(endings, MemoryStore(10, 1.0, endings))
    await asyncio.wait_for(heard.wait(), 10.0)  # it hears the bus from now on
    heard.clear()
    assert isinstance(one.shared_tier(CacheKeys(RevocationKeys([b"s"]), {})), SharedSessions)
    assert await other.announce()(RevocationMessage(Revocation(Effect.ENDED, process.clock(), 60.0), (HANDLE,)))
    await asyncio.wait_for(heard.wait(), 10.0)
    assert not endings.untouched_since(0, (HANDLE,))
    await tasks.aclose()
    await one.close()
    await other.close()
