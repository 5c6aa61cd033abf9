"""An aiohttp.web application behind the gateway's own front, as on the admin port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from gateway.admin.application import build_application
from gateway.admin.application_bridge import ApplicationBridge
from gateway.admin.own_hosts import OwnHosts
from tests.support.servers.fronts import front


@contextlib.asynccontextmanager
async def application(routes: Iterable[web.AbstractRouteDef], hosts: OwnHosts | None = None) -> AsyncIterator[int]:
    """Serve these routes on loopback and yield the port."""
    bridge = ApplicationBridge(lambda: "req-1")
    await bridge.use(build_application(routes, hosts or OwnHosts()))
    try:
        async with front(bridge.answer) as port:
            yield port
    finally:
        await bridge.close()
