"""A handler behind the gateway's own front, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from gateway.endpoints.refusals import refusal_response
from gateway.front.server import GatewayServer
from gateway.front.serving import FrontLimits, RequestHandler
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.http1.navigation import begins_navigation
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import PATIENCE

_LIMITS = FrontLimits()

Answering = Callable[[DownstreamRequest], Serving]


class Handler:
    """Answers with `answering`; keeps how each request ended."""

    def __init__(self, answering: Answering) -> None:
        self.serve = answering
        self.answers: list[DownstreamAnswer | None] = []
        self._ended = asyncio.Event()

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        del request
        self.answers.append(answer)
        self._ended.set()

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:
        del peer
        return refusal_response(refusal, "front", page=begins_navigation(seen))

    async def ended(self, requests: int = 1) -> list[DownstreamAnswer | None]:
        """Wait until that many requests have ended; return how."""
        async with asyncio.timeout(PATIENCE):
            while len(self.answers) < requests:
                self._ended.clear()
                await self._ended.wait()
        return self.answers


class ListeningFront(GatewayServer):
    """A server on a port of its own; tells when a connection has gone."""

    def __init__(self, handler: RequestHandler, limits: FrontLimits) -> None:
        super().__init__(handler, limits, wall_clock)
        self.port = 0
        self.listener: asyncio.Server | None = None
        self._lost = asyncio.Event()

    def closed(self, connection: object) -> None:
        super().closed(connection)  # type: ignore[arg-type]
        self._lost.set()

    async def lost(self) -> None:
        """Wait until a connection has gone."""
        async with asyncio.timeout(PATIENCE):
            await self._lost.wait()


@contextlib.asynccontextmanager
async def listening(
    handler: RequestHandler, limits: FrontLimits = _LIMITS, listener: socket.socket | None = None
) -> AsyncIterator[ListeningFront]:
    """Serve on loopback until the end."""
    server = ListeningFront(handler, limits)
    own = listener or socket.create_server(("127.0.0.1", 0))
    server.listener = await asyncio.get_running_loop().create_server(server, sock=own)
    server.port = own.getsockname()[1]
    try:
        yield server
    finally:
        server.listener.close()
        await server.close(0.0)


@contextlib.asynccontextmanager
async def front(answering: Answering, limits: FrontLimits = _LIMITS) -> AsyncIterator[int]:
    """Serve on loopback and yield the port."""
    async with listening(Handler(answering), limits) as server:
        yield server.port
