"""What one caller was sent and has not taken yet, held to a limit of time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from gateway.resilience.deadline import Deadline


class Unsent:
    """Cuts off a caller that takes none of the bytes that wait for it for `stall` seconds, while it is watched.

    However slowly it takes them, it may: what waits is bounded by the size of a write buffer. One that takes nothing
    would keep its place among `limits.connections`, and this process from ending, for as long as it likes.
    """

    __slots__ = ("_deadline", "_left", "_loop", "_stall", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, stall: float) -> None:
        self._loop = loop
        self._stall = stall
        self._deadline = Deadline(loop, self._expired)
        self._transport: asyncio.WriteTransport | None = None
        self._left = 0

    def watch(self, transport: asyncio.WriteTransport) -> None:
        """Begin, if anything waits."""
        self._transport = transport
        self._left = transport.get_write_buffer_size()
        if self._left:
            self._deadline.set(self._loop.time() + self._stall)

    async def taken(self, transport: asyncio.WriteTransport, drained: Awaitable[None]) -> None:
        """Watch until it is `drained`."""
        self.watch(transport)
        await drained
        self.close()

    def close(self) -> None:
        """Watch no longer."""
        self._transport = None
        self._deadline.close()

    def _expired(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size() < self._left:
            self.watch(transport)
        else:
            transport.abort()
