"""One generation on its ports: opened all together, closed in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from gateway.endpoints.admin import AdminPort, health_pages
from gateway.endpoints.revoke import Revocation
from gateway.runtime.generation import Generation
from gateway.runtime.process import Process
from gateway.runtime.server import FrontLimits, GatewayServer
from gateway.runtime.settings import LimitSettings, ListenSettings, Settings
from gateway.source.addresses import ListenAddress

_DRAIN = 20.0
"""Seconds that requests under way are given at the end: within the 30 that Kubernetes and systemd wait by default."""

_BACKLOG = 4096


class Service:
    """One generation on its ports. `public_port` and `admin_port` are those that were bound (0 asks for any)."""

    def __init__(self, settings: Settings, process: Process, generation: Generation) -> None:
        self._settings = settings
        self._process = process
        self._generation = generation
        self._public = GatewayServer(self._answer, _front_limits(settings.limits), generation.front.refuse)
        self._listening: list[asyncio.Server] = []
        self._admin: list[web.Server] = []

    @property
    def public_port(self) -> int:
        """The port that callers reach."""
        return int(self._listening[0].sockets[0].getsockname()[1])

    @property
    def admin_port(self) -> int:
        """The port for metrics, health and revocation."""
        return int(self._listening[1].sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Bind every port, and only then be ready; raises OSError for one that is taken."""
        listen = self._settings.listen
        try:
            await self._listen(self._public, listen.public)
            await self._listen(self._page_server(self._admin_pages(listen)), listen.admin)
            if listen.health is not None:
                pages = health_pages(self._process.ready, self._process.metrics.render)
                await self._listen(self._page_server(AdminPort(pages, self._process.random_hex.draw)), listen.health)
        except OSError:
            await self.close(patience=0.0)
            raise
        self._process.serving = True

    async def close(self, patience: float = _DRAIN) -> None:
        """Let requests under way end within `patience` seconds, tell tunnels to go, and close everything."""
        self._process.draining = True
        for listening in self._listening:
            listening.close()
        self._public.drain()
        self._generation.streams.drain()
        await self._public.close(patience)
        for server in self._admin:
            await server.shutdown(0.1)
        await self._generation.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._generation.front.answer(request)

    async def _listen(self, server: Callable[[], asyncio.Protocol], address: ListenAddress) -> None:
        loop = asyncio.get_running_loop()
        self._listening.append(
            await loop.create_server(server, address.host, address.port, backlog=_BACKLOG, reuse_address=True)
        )

    def _page_server(self, port: AdminPort) -> web.Server:
        server = web.Server(port.answer, access_log=None, keepalive_timeout=self._settings.limits.idle)
        self._admin.append(server)
        return server

    def _admin_pages(self, listen: ListenSettings) -> AdminPort:
        token = listen.admin_token.get_secret_value() if listen.admin_token is not None else None
        revocation = Revocation(token, self._generation.identification.revoker.revoke, self._process.audit)
        pages = health_pages(self._process.ready, self._process.metrics.render)
        return AdminPort({**pages, "/revoke": revocation.page}, self._process.random_hex.draw)


def _front_limits(limits: LimitSettings) -> FrontLimits:
    return FrontLimits(
        head_bytes=limits.head_bytes,
        headers=limits.headers,
        target_bytes=limits.target_bytes,
        head_timeout=limits.head_timeout,
        body_stall=limits.body_stall,
        idle=limits.idle,
        connections=limits.connections,
    )
