"""The Redis client: one URL syntax for a single server, Sentinel and Cluster, plain or over TLS."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterPipeline, RedisCluster
from redis.asyncio.connection import AbstractConnection, BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import RedisError

from gateway.model.url import fault_of_url

RedisClient = Redis | RedisCluster

_NUMBER = re.compile(r"/?|/[0-9]{1,9}/?", re.ASCII)
_SENTINEL_PORT = 26379
_CONNECTIONS = 64
"""Concurrent commands to one server from one process; further callers wait, at most the timeout."""


def connect(url: str, timeout: float) -> RedisClient:
    """Return a client for `url`; nothing is connected until the first command.

    `redis://[user:password@]host:port/db`, `rediss://` for TLS; `redis+sentinel://[user:password@]host,host:port/master/db`,
    `redis+cluster://host:port`; `rediss+...` for TLS there too. A query gives redis-py's own options (`protocol=3`,
    `ssl_ca_certs=FILE`). `timeout` is in seconds, and bounds connecting, a reply and the wait for a connection each.
    Raises ValueError for any other URL or option; its text does not hold the URL, which may hold a password.

    There is one attempt, because callers have another tier: with the ten of redis-py's default a refused connection
    took 4.4 s to fail.
    """
    try:
        client = _client(url, timeout)
        _try_options(client)
    except _UrlError:
        raise
    except (TypeError, ValueError, RedisError):  # whose texts may show a part of the URL
        raise ValueError(_option_fault(url)) from None
    return client


def _option_fault(url: str) -> str:
    """Name the first option that the client refuses by itself, never its value."""
    names = [part.partition("=")[0] for part in urlsplit(url).query.split("&") if part]
    if not names:
        return "the Redis URL cannot be used: it is redis://USER:PASSWORD@HOST:PORT/NUMBER"
    bare = urlsplit(url)._replace(query="")
    for part in filter(None, urlsplit(url).query.split("&")):
        try:
            _try_options(_client(urlunsplit(bare._replace(query=part)), 1.0))
        except (TypeError, ValueError, RedisError):
            name = part.partition("=")[0]
            return f"the Redis URL has an option that is not known, or whose value cannot be used: {name}"
    return f"the Redis URL has options that cannot be used together: {', '.join(names)}"


def _try_options(client: RedisClient) -> None:
    """Make one connection, and connect nothing: an option that it does not take would fail every command."""
    if not isinstance(client, RedisCluster):
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)


class _UrlError(ValueError):
    """A URL of no known form; the text is ours and shows nothing of it."""


def _client(url: str, timeout: float) -> RedisClient:
    scheme, _, topology = urlsplit(url).scheme.partition("+")
    if scheme not in {"redis", "rediss", "unix"}:
        raise _UrlError("a Redis URL begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
    if scheme != "unix" and (fault := fault_of_url(url)):
        raise _UrlError(f"a Redis URL {fault}")  # redis-py would name a part of the password as a port
    if topology == "" and scheme != "unix" and not _NUMBER.fullmatch(urlsplit(url).path):
        raise _UrlError("a Redis URL ends with the number of a database: redis://HOST:PORT/0")
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
    }
    if scheme == "unix":
        del options["socket_keepalive"]  # which such a socket does not have
    if topology == "":
        pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=timeout, **options)
        return Redis.from_pool(pool)
    if topology == "cluster":
        return _cluster(url.replace("+cluster", "", 1), options)
    if topology == "sentinel":
        return _sentinel(url, options)
    raise _UrlError("a Redis URL's scheme is followed by +sentinel, +cluster or nothing")


async def bus_connection(client: RedisClient) -> AbstractConnection:
    """Return a new connection, not yet connected, to a server that receives every published message.

    It is a raw connection and no `PubSub`, which reconnects silently, so that messages would be lost unnoticed. It
    speaks RESP2, where messages and the answers to PING arrive alike.
    """
    if isinstance(client, RedisCluster):
        await client.initialize()  # a cluster passes every published message to all nodes
        node = client.get_random_node()
        return node.connection_class(**{**node.connection_kwargs, "protocol": 2})
    pool = client.connection_pool
    return pool.connection_class(**{**pool.connection_kwargs, "protocol": 2})


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Sentinel's pool, but waiting for a free connection: redis-py's own fails at once when all are in use."""


class _Turns:
    """Bounds the concurrent commands of a cluster client: `async with` waits up to `timeout` seconds for a turn.

    Raises redis-py's ConnectionError when there is none in time. A turn within a turn is free: when a slot has moved,
    redis-py sends the commands of a pipeline again, one by one.
    """

    def __init__(self, most: int, timeout: float) -> None:
        self._free = asyncio.Semaphore(most)
        self._timeout = timeout
        self._depth: ContextVar[int] = ContextVar("nested turns", default=0)

    async def __aenter__(self) -> None:
        depth = self._depth.get()
        if not depth and self._free.locked():
            try:
                async with asyncio.timeout(self._timeout):
                    await self._free.acquire()
            except TimeoutError:
                raise NoConnectionError("no free connection to the cluster") from None
        elif not depth:
            await self._free.acquire()
        self._depth.set(depth + 1)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        depth = self._depth.get() - 1
        self._depth.set(depth)
        if not depth:
            self._free.release()


class _Cluster(RedisCluster):
    """A cluster client that waits for its turn: redis-py's own fails at once when all connections are in use."""

    def __init__(self, *, socket_connect_timeout: float, **options: Any) -> None:
        super().__init__(socket_connect_timeout=socket_connect_timeout, **options)
        self.turns = _Turns(_CONNECTIONS, socket_connect_timeout)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command in its turn."""
        async with self.turns:
            return await super().execute_command(*args, **kwargs)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:  # noqa: ARG002 - redis-py's
        """Return a pipeline that waits for its turn."""
        return _ClusterPipeline(self, transaction)  # type: ignore[abstract]  # as redis-py's own


class _ClusterPipeline(ClusterPipeline):
    async def execute(self, raise_on_error: bool = True, allow_redirections: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - redis-py's
        """Send all commands in one turn."""
        async with cast("_Cluster", self.cluster_client).turns:
            return await super().execute(raise_on_error, allow_redirections)


class _Master(Redis):
    """The master that the sentinels name."""

    async def aclose(self, close_connection_pool: bool | None = True) -> None:  # noqa: FBT001, FBT002 - redis-py's
        """Close this client and the connections to the sentinels, which redis-py leaves open."""
        pool = cast("SentinelConnectionPool", self.connection_pool)
        await super().aclose(close_connection_pool)
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _cluster(url: str, options: dict[str, Any]) -> RedisCluster:
    return _Cluster.from_url(url, **options)


def _sentinel(url: str, options: dict[str, Any]) -> Redis:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    path = parts.path.strip("/").split("/")
    if not hosts or not path[0]:
        raise _UrlError("a Sentinel URL names its sentinels and the master: redis+sentinel://host:26379/mymaster/0")
    one_server = urlunsplit(
        (
            parts.scheme.removesuffix("+sentinel"),
            f"{credentials}@localhost" if credentials else "localhost",
            f"/{path[1]}" if len(path) > 1 else "/0",
            parts.query,
            "",
        )
    )
    parsed = BlockingConnectionPool.from_url(one_server).connection_kwargs  # redis-py parses the rest of the URL
    connection_options = {name: value for name, value in parsed.items() if name not in {"host", "port"}}
    if parts.scheme.startswith("rediss"):
        connection_options["ssl"] = True
    sentinel_options = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry")}
    sentinel_options |= {name: value for name, value in connection_options.items() if name.startswith("ssl")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's
        [_address(host) for host in hosts.split(",")],
        sentinel_kwargs=sentinel_options,
        **{**connection_options, **options, "max_connections": _CONNECTIONS},
    )
    master: Redis = sentinel.master_for(
        path[0], redis_class=_Master, connection_pool_class=_SentinelPool, timeout=options["socket_timeout"]
    )
    return master


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port) if port else _SENTINEL_PORT
