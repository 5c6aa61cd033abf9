"""The connections to one upstream: kept while they are young, bounded, and waited for in turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import msgspec

from gateway.http1.faults import ExchangeError, Fault
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.connector import Connector

_KEPT_OF = 4  # a fourth of a pool is kept from whoever holds all the rest of it for long


class PoolLimits(msgspec.Struct, frozen=True):
    """How connections to one upstream are kept; times in seconds.

    `keep_alive` has to be below the upstream's own idle time (5 s in Node and uvicorn), else a request may be sent
    into a connection that is just being closed. `max_age` lets changes of DNS reach long-lived connections.
    `connections` bounds those that are open, `queue` the requests that wait for one, `queue_timeout` how long; tunnels
    and event streams have `streams` further ones for themselves.
    """

    connections: int = 1024
    streams: int = 4096
    queue: int = 1024
    queue_timeout: float = 1.0
    keep_alive: float = 4.0
    max_age: float = 300.0
    head_bytes: int = 65536


class YieldingPlace(Protocol):
    """A place that is lent until somebody else needs it."""

    def give_way(self, client: str) -> bool:
        """Give the place back to a request of `client`; return whether there was one to give."""


class Pool:
    """Lends connections of one upstream, each to one exchange at a time; the one used last is lent first.

    `share` is how many places of it one client may hold for long. Those in `yielding` give way, the last one first, to
    whoever finds the pool full. `open` are the connections of the pool, `streams` those that have left it.
    """

    def __init__(self, connector: Connector, limits: PoolLimits) -> None:
        self._address = connector.address
        self.connector = connector
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._idle: dict[UpstreamConnection, None] = {}
        self._waiting: deque[asyncio.Future[UpstreamConnection | None]] = deque()
        self._closed = False
        self._made: set[UpstreamConnection] = set()
        self.share = limits.connections - limits.connections // _KEPT_OF
        self.yielding: list[YieldingPlace] = []
        self.streams = 0
        self.open = 0
        self.connects = 0
        self.connect_faults = 0

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many requests wait for a connection."""
        return len(self._waiting)

    def take_idle(self) -> UpstreamConnection | None:
        """Return a connection that waits for a request, the one used last; None when none does.

        Its deadline is still that of its waiting: the exchange that it is taken for sets another in the same call.
        """
        idle = self._idle
        while idle:
            connection, _ = idle.popitem()
            transport = connection.transport
            if transport is not None and not transport.is_closing():
                return connection
        return None

    def lent(self) -> Iterator[UpstreamConnection]:
        """Yield the connections that are not idle, streams left out."""
        return (connection for connection in tuple(self._made) if connection not in self._idle)

    async def borrow(
        self, connect_timeout: float, client: str = "", *, fresh: bool = False, yields: bool = False
    ) -> UpstreamConnection:
        """Return a connection that no exchange is using; a new one if `fresh`. One that `yields` takes no one's place.

        Raises ExchangeError: no connection could be made within `connect_timeout` seconds or none became free
        in time.
        """
        connection = None if fresh else self.take_idle()
        while connection is None:
            if self.open < self._limits.connections:
                self.open += 1
                return await self._connect(connect_timeout)
            if yields:
                raise ExchangeError(Fault.QUEUE_FULL, str(self._address))
            self._make_room(client)
            connection = await self._wait()
            if connection is None:
                return await self._connect(connect_timeout)
            if connection.transport is None or connection.transport.is_closing():
                connection = self.take_idle()  # it was lost just as it was handed over
        return connection

    def give_back(self, connection: UpstreamConnection) -> None:
        """Take a connection back after its exchange; one that cannot carry another is closed."""
        transport = connection.transport
        if transport is None:
            return
        now = self._loop.time()
        too_old = now - connection.opened > self._limits.max_age
        if self._closed or too_old or not connection.reusable or connection.apart or transport.is_closing():
            connection.close()
        elif self._waiting and (waiter := self._next_waiter()) is not None:
            connection.used = True
            connection.deadline.clear()
            waiter.set_result(connection)
        else:
            connection.used = True
            connection.deadline.set(now + self._limits.keep_alive)
            self._idle[connection] = None

    def part_with(self, connection: UpstreamConnection) -> None:
        """Let a stream have the connection for itself; beyond `streams` of them it keeps its place in the pool."""
        if self.streams < self._limits.streams:
            self.streams += 1
            connection.apart = True
            self._made.discard(connection)
            self._free_place()

    def close(self) -> None:
        """Close idle connections now, the others when they are given back."""
        self._closed = True
        for connection in tuple(self._idle):
            connection.close()

    async def _wait(self) -> UpstreamConnection | None:
        """Wait in turn; return a connection, or None for the right to make one."""
        if len(self._waiting) >= self._limits.queue:
            raise ExchangeError(Fault.QUEUE_FULL, str(self._address))
        waiter: asyncio.Future[UpstreamConnection | None] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._limits.queue_timeout):
                return await waiter
        except TimeoutError:
            self._hand_on(waiter)
            raise ExchangeError(Fault.QUEUE_TIMEOUT, str(self._address)) from None
        except asyncio.CancelledError:
            self._hand_on(waiter)
            raise

    def _make_room(self, client: str) -> None:
        """Let one of those go whose place is lent until it is needed."""
        while self.yielding and not self.yielding.pop().give_way(client):
            pass

    def _hand_on(self, waiter: asyncio.Future[UpstreamConnection | None]) -> None:
        """Give what a waiter got in the moment it gave up to the next one."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(waiter)
        if not waiter.done() or waiter.cancelled():
            return
        connection = waiter.result()
        if connection is None:
            self._free_place()
        else:
            self.give_back(connection)

    def _next_waiter(self) -> asyncio.Future[UpstreamConnection | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _free_place(self) -> None:
        """Let the next waiter make a connection in the place of one that has gone."""
        waiter = self._next_waiter()
        if waiter is None:
            self.open -= 1
        else:
            waiter.set_result(None)

    async def _connect(self, timeout: float) -> UpstreamConnection:  # noqa: ASYNC109 - part of what is lent
        """Make a connection in the place that was taken for it."""
        connection: UpstreamConnection | None = None
        try:
            async with asyncio.timeout(timeout):
                connection = await self.connector.connect()
        except TimeoutError:
            raise ExchangeError(Fault.CONNECT_TIMEOUT, str(self._address)) from None
        finally:
            if connection is None:
                self.connect_faults += 1
                self._free_place()
        connection.closed = self._gone
        self.connects += 1
        self._made.add(connection)
        return connection

    def _gone(self, connection: UpstreamConnection) -> None:
        """Forget a connection that has gone, whoever closed it."""
        if connection.apart:
            self.streams -= 1
            return
        self._idle.pop(connection, None)
        self._made.discard(connection)
        self._free_place()
