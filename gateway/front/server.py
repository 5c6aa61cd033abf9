"""The front: accepts connections, bounds them, and lets them go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import http_parser, web
from aiohttp.http_parser import HttpRequestParserPy

from gateway.front.arrival import FrontLimits
from gateway.front.client_connection import FrontConnection
from gateway.front.response_writer import ResponseWriter
from gateway.model.decision import Response
from gateway.model.errors import GatewayError
from gateway.model.refusal import Refusal
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer

Handler = Callable[[DownstreamRequest], Awaitable[EndpointAnswer]]
Refuse = Callable[[Refusal], Response]
"""Words a refusal of the front itself."""


class GatewayServer(web.Server):
    """A protocol factory for `loop.create_server`: one FrontConnection for each caller.

    `handler` answers requests; it raises only where the caller has gone. `refuse` words what the
    front refuses itself. `clock` is in epoch seconds.
    `draining` has every answer say that it closes its connection, `leaving` close it, whatever its head has said.
    """

    def __init__(self, handler: Handler, limits: FrontLimits, refuse: Refuse, clock: Callable[[], float]) -> None:
        require_c_parser()
        super().__init__(handler, handler_cancellation=True)  # type: ignore[arg-type]  # FrontConnection calls `answer`
        self.answer = handler
        self.writer = ResponseWriter(clock)
        self.limits = limits
        self.refuse = refuse
        self.draining = False
        self.leaving = False
        self._emptied: asyncio.Future[None] | None = None

    def __call__(self) -> FrontConnection:
        """Make the protocol of one connection."""
        return FrontConnection(self, self._loop)

    @property
    def is_full(self) -> bool:
        """Tell whether there are more connections than `limits.connections`."""
        return len(self._connections) > self.limits.connections

    def drain(self) -> None:
        """Let every answer from now on close its connection."""
        self.draining = True

    async def close(self, patience: float, idle: float = 0.0) -> None:
        """Wait `idle` seconds, close idle connections, wait for the others until `patience` has passed, then cut them.

        A connection that looks idle may have a request on its way: while `idle` lasts it is answered, and its
        connection closed in order. The listening socket is its owner's to close, before this.
        """
        self.drain()
        if await self._is_empty_within(idle):
            return
        self.leaving = True
        for connection in self._fronts():
            connection.close_if_idle()
        if not await self._is_empty_within(patience - idle):
            self.cut()
            await self._empty()

    def cut(self) -> None:
        """End every connection at once, whatever is being served on it."""
        for connection in self._fronts():
            if connection.transport is not None:
                connection.transport.abort()

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:  # noqa: ARG002 - the parent's
        """Forget a connection."""
        self._connections.pop(handler, None)
        if not self._connections and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def _fronts(self) -> list[FrontConnection]:
        return cast("list[FrontConnection]", self.connections)

    async def _is_empty_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._empty()
        except TimeoutError:
            return False
        return True

    async def _empty(self) -> None:
        if self._connections:
            self._emptied = self._loop.create_future()
            await self._emptied


def require_c_parser() -> None:
    """Raise GatewayError where aiohttp runs on its Python parser: most smuggling advisories were in that one."""
    if http_parser.HttpRequestParser is HttpRequestParserPy:
        raise GatewayError("aiohttp's C extension is missing: install a wheel of aiohttp for this platform")
