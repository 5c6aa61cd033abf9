"""Token buckets that all replicas draw from: one number each in Redis, judged there by the server's own clock."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import blake2b, sha1
from typing import cast

from redis.exceptions import NoScriptError

from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis, RedisFault

_NAME_BYTES = 16

# The generic cell rate algorithm (ITU-T I.371), as gateway.policy.limits has it, in microseconds: the number is the
# instant at which the bucket is full again. One key, so that it runs on a cluster. The server's time, since replicas'
# clocks differ by more than a token's worth. A number further ahead than a whole bucket is of an older, larger limit,
# or of a clock that was set back, and locks nobody out.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + capacity)
local wait = full_at + interval - now - capacity
if wait > 1 then
    return {string.format('%.0f', wait), string.format('%.0f', full_at - now)}
end
full_at = full_at + interval
redis.call('SET', KEYS[1], string.format('%.3f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
return {'0', string.format('%.0f', full_at - now)}
"""
_SHA = sha1(_SCRIPT.encode("ascii"), usedforsecurity=False).hexdigest()
_MICROSECONDS = 1_000_000


class SharedBuckets:
    """The buckets of a fleet. A bucket that is full is no key: their number is bounded by the requests of one window.

    `secret` keys the hashes that stand in Redis instead of sessions, keys and addresses.
    """

    def __init__(self, redis: GuardedRedis, key_prefix: str, secret: bytes) -> None:
        self._redis = redis
        self._prefix = f"{key_prefix}limit:"
        self._secret = secret

    async def take(self, name: str, interval: float, capacity: float) -> tuple[float, float] | None:
        """Take one token of the bucket `name`; `None` when Redis cannot be asked.

        `interval` is what a token costs and `capacity` what a full bucket holds, in seconds. Returns the seconds until
        there is a token, 0 when one was taken, and those until the bucket is full.
        """
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_NAME_BYTES, key=self._secret).hexdigest()
        arguments = (f"{self._prefix}{digest}", repr(interval * _MICROSECONDS), repr(capacity * _MICROSECONDS))

        async def question(client: RedisClient) -> list[bytes]:
            return await _run(client, arguments)

        told = await self._redis.ask(question, "limit", self._redis.allowance())
        if isinstance(told, RedisFault):
            return None
        wait, owed = (int(each) / _MICROSECONDS for each in told)
        return wait, owed


async def _run(client: RedisClient, arguments: tuple[str, str, str]) -> list[bytes]:
    """Run the script by its hash; a server that has been restarted, or is new to the cluster, is given its text."""
    try:
        return await cast("Awaitable[list[bytes]]", client.evalsha(_SHA, 1, *arguments))
    except NoScriptError:
        return await cast("Awaitable[list[bytes]]", client.eval(_SCRIPT, 1, *arguments))
