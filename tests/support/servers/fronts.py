"""A handler behind the gateway's own front, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.endpoints.refusals import refusal_response
from gateway.front.arrival import FrontLimits
from gateway.front.server import GatewayServer, Handler
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.wiring.process import wall_clock

_LIMITS = FrontLimits()


def refuse(refusal: Refusal) -> Response:
    return refusal_response(refusal, "front")


@contextlib.asynccontextmanager
async def front(handler: Handler, limits: FrontLimits = _LIMITS) -> AsyncIterator[int]:
    """Serve on loopback and yield the port."""
    server = GatewayServer(handler, limits, refuse, wall_clock)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.close(0.0)
