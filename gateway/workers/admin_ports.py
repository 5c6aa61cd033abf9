"""The ports for operators: admin (metrics, health, revocation) and health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from aiohttp import web

from gateway.admin.admin_revoke import RevokeEndpoint
from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.application import build_application
from gateway.admin.application_bridge import ApplicationBridge
from gateway.admin.console_files import console_routes
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.health import Health, Render, health_routes
from gateway.admin.own_hosts import OwnHosts
from gateway.config.settings import Settings
from gateway.endpoints.refusals import refusal_response
from gateway.front.server import GatewayServer
from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.model.session import RevocationTarget
from gateway.source.addresses import ListenAddress
from gateway.wiring.admin_generation import AdminGeneration
from gateway.wiring.process import Process
from gateway.workers.sockets import Ports, Sockets, accept
from gateway.workers.worker import front_limits

_OPERATORS = 64
"""Connections to one of these ports at a time."""

_GRACE = 0.5
"""Seconds that an operator's request in flight is given at the end."""


class AdminPorts:
    """Both ports, under the limits of the public one. `fleet` outlives every reload."""

    def __init__(self, process: Process, ports: Ports, health: Health, render: Render, fleet: FleetHooks) -> None:
        self._process = process
        self._ports = ports
        self._fleet = fleet
        self._servers: list[GatewayServer] = []
        self._listening: list[asyncio.AbstractServer] = []
        self._hosts, self._tokens = OwnHosts(), AdminTokens()
        self._routes = health_routes(health, render)
        self._generation: AdminGeneration | None = None
        self._health = ApplicationBridge(process.random_hex.draw)
        self._admin = ApplicationBridge(process.random_hex.draw)

    async def apply(self, settings: Settings) -> None:
        """Take the admin tokens, the host names, the limits and the API of a config."""
        listen = settings.listen
        own = (place.host.lower() for place in (listen.admin, listen.health) if isinstance(place, ListenAddress))
        self._tokens.apply([token.get_secret_value() for token in listen.admin_token])
        self._hosts.apply((*listen.admin_hosts, *own))
        for server in self._servers:
            server.apply(_operators(settings))
        before, self._generation = self._generation, AdminGeneration(settings, self._process, self._tokens, self._fleet)
        revocation = web.post("/revoke", RevokeEndpoint(self._tokens, self._generation.end, self._process.audit).answer)
        routes = [*self._routes, revocation, *console_routes(), *self._generation.routes()]
        earlier = await self._admin.use(build_application(routes, self._hosts))
        if before is not None and earlier is not None:
            self._process.tasks.start(_retire(earlier, before), "end of an earlier admin application")

    async def open(self, settings: Settings) -> None:
        """Begin to listen."""
        await self._health.use(build_application(self._routes, self._hosts))
        await self.apply(settings)
        await self._listen(self._admin, self._ports.admin, settings)
        await self._listen(self._health, self._ports.health, settings)

    async def revoke(self, target: RevocationTarget) -> bool:
        """Revoke it for callers of the API too; return whether everybody was told."""
        return self._generation is None or await self._generation.revoke(target)

    async def change(self, target: RevocationTarget) -> bool:
        """Look it up again for callers of the API too; return whether everybody was told."""
        return self._generation is None or await self._generation.change(target)

    async def close(self) -> None:
        """Stop listening."""
        for listening in self._listening:
            listening.close()
        for server in self._servers:
            await server.close(_GRACE)
        await self._admin.close()
        await self._health.close()
        if self._generation is not None:
            await self._generation.close()

    async def _listen(self, bridge: ApplicationBridge, sockets: Sockets, settings: Settings) -> None:
        if not sockets:
            return
        server = GatewayServer(
            _Handler(bridge, self._process.random_hex.draw), _operators(settings), self._process.clock
        )
        self._servers.append(server)
        self._listening += [await accept(server, each) for each in sockets]


async def _retire(application: web.AppRunner, generation: AdminGeneration) -> None:
    """Let the last call under an earlier config end, and close what it worked with."""
    await application.cleanup()
    await generation.close()


def _operators(settings: Settings) -> FrontLimits:
    """Return what an operator's connection may do, and few of them: each is a descriptor kept back from callers."""
    return msgspec.structs.replace(front_limits(settings), connections=_OPERATORS, connections_per_address=_OPERATORS)


class _Handler:
    """Answers on one port by its application; nothing is written down."""

    def __init__(self, bridge: ApplicationBridge, new_id: Callable[[], str]) -> None:
        self._bridge = bridge
        self._new_id = new_id

    def serve(self, request: DownstreamRequest) -> Serving:
        """Answer one request."""
        return self._bridge.answer(request)

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        """Note nothing."""

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:  # noqa: ARG002 - nothing is written down
        """Word what never became a request; programs alone ask here."""
        return refusal_response(refusal, self._new_id())
