"""The port at which Envoy asks over gRPC: its connections, and how they are let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.ext_authz.grpc_connection import GrpcConnection
from gateway.ext_authz.grpc_connection_owner import OpenGrpcConnection
from gateway.ext_authz.grpc_services import CheckHandler, GrpcServices
from gateway.ext_authz.settings import ExtAuthzSettings
from gateway.http1.block_memory import SharedBlocks
from gateway.http1.head_parser import RequestHead
from gateway.resilience.tasks import TaskKeeper

_log = structlog.get_logger(__name__)

_STRANGERS = 16
"""Connections of others than the peers at once: enough to be told that they may not ask."""


class GrpcServer:
    """A protocol factory for `loop.create_server`: one GrpcConnection for each that is made.

    `blocks` are the header blocks that the process remembers. `is_peer` tells whether an address may ask.
    """

    def __init__(
        self,
        handler: CheckHandler,
        limits: ExtAuthzSettings,
        is_peer: Callable[[str], bool],
        blocks: SharedBlocks[RequestHead],
    ) -> None:
        self.limits = limits
        self.is_peer = is_peer
        self.blocks = blocks
        self.services = GrpcServices(handler)
        self.tasks = TaskKeeper()
        self.connections: set[OpenGrpcConnection] = set()
        self._leaving = False
        self._emptied = asyncio.Event()

    def __call__(self) -> GrpcConnection:
        """Make the protocol of one connection."""
        return GrpcConnection(self)

    def apply(self, limits: ExtAuthzSettings, is_peer: Callable[[str], bool]) -> None:
        """Take other limits, for connections and calls from now on."""
        self.limits, self.is_peer = limits, is_peer

    def opened(self, connection: OpenGrpcConnection) -> bool:
        """Note a connection; return whether it may stay."""
        peer = connection.caller.peer
        mine = self.is_peer(peer)
        others = sum(self.is_peer(each.caller.peer) is mine for each in self.connections)
        self.connections.add(connection)
        if others < (self.limits.connections if mine else _STRANGERS):
            return True
        _log.warning("grpc_connection_refused", peer=peer, fault="too many connections")
        return False

    def closed(self, connection: OpenGrpcConnection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    def rested(self, connection: OpenGrpcConnection) -> None:
        """Close a connection that has nothing under way, once no others are to come."""
        if self._leaving:
            asyncio.get_running_loop().call_soon(connection.close)  # its last frames are still to be written

    def drain(self) -> None:
        """Ask every peer to go elsewhere, and tell whoever asks for our health."""
        self.services.draining = True
        for connection in self.connections:
            connection.go_away()

    async def close(self, patience: float) -> None:
        """Close what rests at once, the others when they do or `patience` has passed."""
        self._leaving = True
        for connection in tuple(self.connections):
            if not connection.busy:
                connection.close()
        try:
            async with asyncio.timeout(patience):
                await self._empty()
        except TimeoutError:
            self.cut()
            await self._empty()
        await self.tasks.aclose()

    def cut(self) -> None:
        """Break every connection."""
        for connection in tuple(self.connections):
            connection.abort()

    async def _empty(self) -> None:
        while self.connections:
            self._emptied.clear()
            await self._emptied.wait()
