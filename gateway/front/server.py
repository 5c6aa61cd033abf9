"""The front: accepts connections, bounds them, and lets them go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.front.admission import MOST_REFUSED, Admission
from gateway.front.client_connection import ClientConnection
from gateway.front.held_callers import HeldCallers
from gateway.front.response_writer import ResponseWriter
from gateway.front.serving import FrontLimits, OpenConnection, Opening, RequestHandler
from gateway.http1.block_memory import SharedBlocks
from gateway.http1.head_parser import RequestHead
from gateway.model.refusal import Refusal
from gateway.resilience.tasks import TaskKeeper


class GatewayServer:
    """A protocol factory for `loop.create_server`: one ClientConnection for each caller.

    `clock` is in epoch seconds. `connections` are those that are open, from accept until their socket is closed.
    `draining` has every answer say that it closes its connection, `leaving` close it, whatever its head has said.
    `is_many` tells whether an address stands for many callers, `is_proxy` whether it may tell whom its connections are
    for. To be made on the running event loop.
    """

    def __init__(
        self,
        handler: RequestHandler,
        limits: FrontLimits,
        clock: Callable[[], float],
        is_many: Callable[[str], bool] = lambda _: False,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.is_proxy = is_proxy
        self.handler = handler
        self.limits = limits
        self.writer = ResponseWriter(clock)
        self.tasks = TaskKeeper()
        self.blocks: SharedBlocks[RequestHead] = SharedBlocks(limits.remembered_bytes)
        self.draining = False
        self.leaving = False
        self._loop = asyncio.get_running_loop()
        self.held = HeldCallers(self._loop)
        self.connections: set[OpenConnection] = set()
        self._refused: set[OpenConnection] = set()
        self._admission = Admission(limits, is_many)
        self._emptied: asyncio.Future[None] | None = None
        self._turning: asyncio.TimerHandle | None = None

    def __call__(self) -> ClientConnection:
        """Make the protocol of one connection."""
        return ClientConnection(self, self._loop)

    def connection_of(self, handshake: Opening) -> ClientConnection:
        """Make the protocol of a connection that `handshake`, which was `opened`, leads to; it takes its place."""
        connection = ClientConnection(self, self._loop)
        connection.place = handshake
        connection.peer = handshake.peer
        return connection

    def opened(self, connection: OpenConnection) -> Refusal | None:
        """Note a connection; return why it may not stay, None if it may. One that not even may hear that is broken."""
        self.connections.add(connection)
        if self._turning is None:
            self._turning = self._loop.call_later(self.limits.idle, self._turn)
        place = connection.place
        if place is None:
            refusal = self._admission.enter(connection.peer)
        else:
            self.connections.discard(place)
            self._refused.discard(place)
            connection.place, refusal = None, place.refusal
        if refusal is not None:
            self._refused.add(connection)
            if len(self._refused) > MOST_REFUSED:
                connection.abort()
        return refusal

    def rename(self, connection: OpenConnection, peer: str) -> Refusal | None:
        """Count a connection by another peer than its socket's; return why it may not stay, None if it may."""
        self._admission.leave(connection.peer)
        connection.peer = peer
        return self._admission.enter(peer)

    def closed(self, connection: OpenConnection) -> None:
        """Forget a connection."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self._refused.discard(connection)
        self._admission.leave(connection.peer)
        if not self.connections and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def apply(
        self,
        limits: FrontLimits,
        is_many: Callable[[str], bool] = lambda _: False,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Take other limits; what is remembered stays until it is forgotten."""
        self.is_proxy = is_proxy
        self.blocks.most = limits.remembered_bytes
        self.limits = limits
        self._admission.apply(limits, is_many)

    def drain(self) -> None:
        """Let every answer from now on close its connection."""
        self.draining = True

    async def close(self, patience: float, idle: float = 0.0) -> None:
        """Wait `idle` seconds, close idle connections, wait for the others until `patience` has passed, then cut them.

        A connection that looks idle may have a request on its way: while `idle` lasts it is answered, and its
        connection closed in order. The listening socket is its owner's to close, before this.
        """
        self.drain()
        if not await self._is_empty_within(idle):
            self.leaving = True
            for connection in tuple(self.connections):
                connection.close_if_idle()
            if not await self._is_empty_within(patience - idle):
                self.cut()
                await self._empty()
        self.held.close()
        if self._turning is not None:
            self._turning.cancel()
        await self.tasks.aclose()

    def cut(self) -> None:
        """End every connection at once, whatever is being served on it."""
        for connection in tuple(self.connections):
            connection.abort()

    def _turn(self) -> None:
        """Forget the header blocks that nobody sends any more."""
        self.blocks.turn()
        again = self.connections or self.blocks
        self._turning = self._loop.call_later(self.limits.idle, self._turn) if again else None

    async def _is_empty_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._empty()
        except TimeoutError:
            return False
        return True

    async def _empty(self) -> None:
        if self.connections:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied
