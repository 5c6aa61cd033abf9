"""What connections of gRPC share, and how they tell of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.ext_authz.grpc_caller import GrpcCaller
from gateway.ext_authz.grpc_services import GrpcServices
from gateway.ext_authz.settings import ExtAuthzSettings
from gateway.http1.block_memory import SharedBlocks
from gateway.http1.head_parser import RequestHead
from gateway.resilience.tasks import TaskKeeper


class OpenGrpcConnection(Protocol):
    """A connection as its owner knows it; `busy` tells whether a call is under way."""

    caller: GrpcCaller

    @property
    def busy(self) -> bool:
        """Tell whether a call is under way."""

    def go_away(self) -> None:
        """Ask the peer to begin further calls elsewhere."""

    def close(self) -> None:
        """End it, whatever is under way."""

    def abort(self) -> None:
        """Break it."""


class GrpcConnectionOwner(Protocol):
    """Whoever has the connections. `is_peer` tells whether an address may ask."""

    limits: ExtAuthzSettings
    is_peer: Callable[[str], bool]
    blocks: SharedBlocks[RequestHead]
    services: GrpcServices
    tasks: TaskKeeper

    def opened(self, connection: OpenGrpcConnection) -> bool:
        """Note a connection; return whether it may stay."""

    def closed(self, connection: OpenGrpcConnection) -> None:
        """Forget a connection."""

    def rested(self, connection: OpenGrpcConnection) -> None:
        """Hear that the last call of a connection has ended."""
