"""The port at which Envoy asks over gRPC, in one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.config.settings import Settings
from gateway.endpoints.networks import Networks
from gateway.http1.block_memory import SharedBlocks
from gateway.http1.head_parser import RequestHead
from gateway.wiring.active_generation import ActiveGeneration
from gateway.workers.sockets import Sockets, accept

if TYPE_CHECKING:
    from gateway.ext_authz.grpc_server import GrpcServer


class GrpcPort:
    """Serves `sockets` from the first `apply` on, and closes them; without any there is nothing to do."""

    def __init__(self, sockets: Sockets, active: ActiveGeneration) -> None:
        self._sockets = sockets
        self._active = active
        self._server: GrpcServer | None = None
        self._listening: list[asyncio.AbstractServer] = []

    async def apply(self, settings: Settings, blocks: SharedBlocks[RequestHead]) -> None:
        """Take a config; the first time, begin to listen."""
        limits, is_peer = settings.ext_authz, Networks(settings.ext_authz.peers).include
        if self._server is not None:
            self._server.apply(limits, is_peer)
        elif self._sockets:
            from gateway.ext_authz.grpc_server import GrpcServer  # noqa: PLC0415 - needs the extra `grpc`

            self._server = GrpcServer(self._active, limits, is_peer, blocks)
            self._listening = [await accept(self._server, each) for each in self._sockets]

    def drain(self) -> None:
        """Ask every peer to go elsewhere."""
        if self._server is not None:
            self._server.drain()

    def stop_accepting(self) -> None:
        """Take no connection any more."""
        for listening in self._listening:
            listening.close()

    async def close(self, patience: float) -> None:
        """Let what is under way end within `patience` seconds, and close everything."""
        if self._server is not None:
            await self._server.close(patience)
        for each in self._sockets:
            each.close()

    def cut(self) -> None:
        """Break off what is under way."""
        if self._server is not None:
            self._server.cut()
