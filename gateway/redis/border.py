"""The border of Redis: whatever the client library raises becomes a value here, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

import msgspec
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline, RedisCluster
from redis.exceptions import ClusterError, ReadOnlyError, ResponseError

from gateway.redis.client import RedisClient

_Reply = TypeVar("_Reply")

_LEAVE_SECONDS = 1.0
"""Between two times that connections are given up because their server does not take writes."""


class RedisFault(msgspec.Struct, frozen=True):
    """Redis could not be asked, or did not answer; `why` is the name of an exception, or `breaker open`.

    `refused` says that it did answer, and refused this operation alone.
    """

    why: str
    refused: bool = False


class RedisBorder:
    """Runs operations; every exception of the client library is a fault of its server, and a value.

    Not every one is a RedisError: a dead cluster raises RedisClusterException, an option that a connection does not
    take a TypeError, a reply that cannot be parsed a ValueError.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._left_at = -_LEAVE_SECONDS

    async def attempt(
        self, operation: Callable[[RedisClient], Awaitable[_Reply]], seconds: float
    ) -> _Reply | RedisFault:
        """Return what `operation` returns within so many seconds, or the fault."""
        try:
            async with asyncio.timeout(seconds):
                return await operation(self._client)
        except ReadOnlyError as error:
            await self._leave()
            return RedisFault(type(error).__name__, refused=True)
        except Exception as error:  # noqa: BLE001 - see the class
            refused = isinstance(error, ResponseError) and not isinstance(error, ClusterError)
            return RedisFault(type(error).__name__, refused=refused)

    async def _leave(self) -> None:
        """Close the idle connections: after a failover they lead to the old master, and its name to the new one."""
        now = monotonic()
        if isinstance(self._client, RedisCluster) or now - self._left_at < _LEAVE_SECONDS:
            return
        self._left_at = now
        await self._client.connection_pool.disconnect(inuse_connections=False)


async def execute(pipeline: Pipeline | ClusterPipeline, keys: Sequence[str], client: RedisClient) -> list[Any]:
    """Send the commands of `pipeline`, of which each is about the key in its place, and return their replies.

    A key of the wrong type is deleted and its reply is None: nobody but a stranger makes one, and it would fail every
    operation on that key for as long as it is there. Raises the first other error of a command.
    """
    replies: list[Any] = await pipeline.execute(raise_on_error=False)
    wrong = {key for key, reply in zip(keys, replies, strict=True) if is_wrong_type(reply)}
    for key in wrong:
        await client.unlink(key)
    for reply in replies:
        if isinstance(reply, Exception) and not is_wrong_type(reply):
            raise reply
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def is_wrong_type(reply: object) -> bool:
    """Tell whether a reply, or an error, says that the key is of another type than the command's."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")
