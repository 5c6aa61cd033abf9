"""What a connection needs of whoever keeps it and of whoever answers its requests."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.front.held_callers import HeldCallers
from gateway.front.response_writer import ResponseWriter
from gateway.http1.block_memory import SharedBlocks
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.http1.head_parser import RequestHead
from gateway.http1.header_block import MOST_COOKIES
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.resilience.tasks import TaskKeeper


class FrontLimits(msgspec.Struct, frozen=True):
    """What one connection may do; sizes in bytes, times in seconds.

    `connections` and `remembered_bytes` (of header blocks) are those of all connections together. A caller that takes
    fewer than `least_rate` bytes a second of the answers behind which it waits is not waited for.
    """

    head_bytes: int = 32768
    headers: int = 128
    target_bytes: int = 8192
    cookies: int = MOST_COOKIES
    head_timeout: float = 10.0
    body_stall: float = 30.0
    idle: float = 75.0
    connections: int = 10000
    connections_per_address: int = 1000
    least_rate: int = 500
    remembered_bytes: int = 16 * 1024 * 1024


class RequestHandler(Protocol):
    """Whoever answers requests."""

    def serve(self, request: DownstreamRequest) -> Serving:
        """Answer, or begin to; raises nothing."""

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        """Note how a request ended, once for each that was served: None where the caller left before its answer."""

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:
        """Word what never became a request; `seen` is what came of a head."""


class OpenConnection(Protocol):
    """A connection, as its server knows it. `unsent` are the bytes that its caller has not taken.

    `place` is the handshake that it came of, until it is opened in the place of that.
    """

    peer: str
    place: Opening | None
    writing_paused: bool

    @property
    def unsent(self) -> int:
        """Return how many bytes the caller has not taken yet."""

    def close_if_idle(self) -> None:
        """Close, unless a request is being read or served."""

    def abort(self) -> None:
        """Break the connection, whatever is being served on it."""


class Opening(OpenConnection, Protocol):
    """A connection that is no HTTP yet; `refusal` is why what comes of it may not stay."""

    refusal: Refusal | None


class ConnectionOwner(Protocol):
    """The server, as one of its connections needs it; see `gateway.front.server`."""

    limits: FrontLimits
    writer: ResponseWriter
    handler: RequestHandler
    tasks: TaskKeeper
    blocks: SharedBlocks[RequestHead]
    held: HeldCallers
    draining: bool
    leaving: bool

    def opened(self, connection: OpenConnection) -> Refusal | None:
        """Note a connection; return why it may not stay, None if it may."""

    def closed(self, connection: OpenConnection) -> None:
        """Forget a connection."""
