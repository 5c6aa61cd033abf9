import asyncio

from gateway.config.settings import Settings
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import CacheKeys
from gateway.sessions.memory import MemoryStore
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.revocation import Effect, Revocation, RevocationKeys, RevocationLog, RevocationMessage
from gateway.sessions.revoker import publish_to_nobody
from gateway.sessions.shared_tier import NoSharedTier
from gateway.wiring.process import Process
from gateway.wiring.redis import RedisWiring, cache_times, secrets_of

KEY = b"\1" * 16


def settings(**keys: object) -> Settings:
    return Settings.model_validate({"secret": ["new", "old"], **keys})


def test_the_times_and_secrets_are_the_config_s() -> None:
    read = settings(cache={"fresh": "1s", "stale": "2s", "negative": "3s", "unheard": "4s", "revoked": "5s"})
    times = cache_times(read)
    assert (times.fresh, times.stale, times.negative, times.unheard, times.revoked) == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert secrets_of(read) == (b"new", b"old")


async def test_without_redis_a_process_is_alone(process: Process) -> None:
    wiring = RedisWiring(settings(), process, process.tasks)
    revocation_log = RevocationLog(process.clock)
    wiring.subscribe(revocation_log, MemoryStore(10, 1.0, revocation_log, process.clock))
    assert wiring.publisher() is publish_to_nobody
    assert isinstance(wiring.shared_tier(CacheKeys(RevocationKeys([b"s"]), {})), NoSharedTier)
    assert len(process.tasks) == 0
    await wiring.close()


async def test_what_one_replica_publishes_another_receives(process: Process, redis_url: str, key_prefix: str) -> None:
    read = settings(redis={"url": redis_url, "key_prefix": key_prefix, "timeout": "1s"})
    tasks = TaskKeeper()
    one, other = RedisWiring(read, process, tasks), RedisWiring(read, process, tasks)
    received = asyncio.Event()
    revocation_log = RevocationLog(process.clock, received.set)
    one.subscribe(revocation_log, MemoryStore(10, 1.0, revocation_log, process.clock))
    await asyncio.wait_for(received.wait(), 10.0)  # it has subscribed
    received.clear()
    assert isinstance(one.shared_tier(CacheKeys(RevocationKeys([b"s"]), {})), RedisTier)
    assert await other.publisher()(RevocationMessage(Revocation(Effect.ENDED, process.clock(), 60.0), (KEY,)))
    await asyncio.wait_for(received.wait(), 10.0)
    assert not revocation_log.untouched_since(0, (KEY,))
    await tasks.aclose()
    await one.close()
    await other.close()
