"""Token buckets that all replicas share: one number each in Redis, updated there by the server's clock."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import blake2b, sha1
from typing import cast

from redis.exceptions import NoScriptError

from gateway.redis.border import RedisFault
from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis

_NAME_BYTES = 16

# The generic cell rate algorithm (ITU-T I.371), as in gateway.policy.limits, in microseconds: the number is the instant
# at which the bucket is full again. One key, so that it runs on a cluster. The server's time, since the clocks of
# replicas differ by more than the cost of a token. A number further ahead than a whole bucket comes from an older,
# larger limit or from a clock that was set back; it is cut down, so that it locks nobody out. A key of another type is
# a stranger's: it is deleted, and what is no number is a full bucket.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' then redis.call('DEL', KEYS[1]) end
local full_at = tonumber(type(stored) == 'string' and stored or nil) or now
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
    """The buckets of all replicas. A full bucket has no key in Redis, so the requests of one window bound the keys.

    `secret` keys the hashes that are stored in Redis instead of session ids, API key ids and addresses.
    """

    def __init__(self, redis: GuardedRedis, key_prefix: str, secret: bytes) -> None:
        self._redis = redis
        self._prefix = f"{key_prefix}limit:"
        self._secret = secret

    async def take(self, name: str, interval: float, capacity: float) -> tuple[float, float] | None:
        """Take one token from the bucket `name`; `None` when Redis is not available.

        `interval` is the cost of a token and `capacity` the size of a full bucket, both in seconds. Returns the seconds
        until there is a token (0: one was taken), and the seconds until the bucket is full.
        """
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_NAME_BYTES, key=self._secret).hexdigest()
        arguments = (f"{self._prefix}{digest}", repr(interval * _MICROSECONDS), repr(capacity * _MICROSECONDS))

        async def run_script(client: RedisClient) -> list[bytes]:
            return await _run_script(client, arguments)

        result = await self._redis.ask(run_script, "limit", self._redis.allowance())
        if isinstance(result, RedisFault):
            return None
        wait, full_after = (int(microseconds) / _MICROSECONDS for microseconds in result)
        return wait, full_after


async def _run_script(client: RedisClient, arguments: tuple[str, str, str]) -> list[bytes]:
    """Run the script by its hash; send its text to a server that does not know it yet."""
    try:
        return await cast("Awaitable[list[bytes]]", client.evalsha(_SHA, 1, *arguments))
    except NoScriptError:
        return await cast("Awaitable[list[bytes]]", client.eval(_SCRIPT, 1, *arguments))
