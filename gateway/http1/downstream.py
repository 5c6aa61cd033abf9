"""The caller's side of an exchange, as the rooms that answer know it; the front implements it on real connections."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import msgspec

from gateway.http1.faults import ExchangeError
from gateway.http1.head_parser import RequestHead
from gateway.model.decision import Response
from gateway.telemetry.record import RequestRecord


class FlowWatcher(Protocol):
    """Is told how the caller takes what it is sent, and when it has gone."""

    def client_paused(self) -> None:
        """Hold the source: the caller's buffer is full."""

    def client_resumed(self) -> None:
        """Let the source go on."""

    def client_gone(self) -> None:
        """Give up: the connection is lost."""


class RawPeer(Protocol):
    """One end of a tunnel, as its connection tells of it."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def ended(self) -> None:
        """Take it that the connection has gone; nothing more is called."""

    def paused(self) -> None:
        """Hold the other end: this one's write buffer is full."""

    def resumed(self) -> None:
        """Let the other end go on."""


class BodyConsumer(Protocol):
    """Takes a request's body as it arrives; either `body_end` or `body_failed` is called, last."""

    def body(self, data: bytes) -> None:
        """Take a piece, without its framing."""

    def body_end(self) -> None:
        """Take it that all of it has come."""

    def body_failed(self, error: ExchangeError) -> None:
        """Take it that the rest never comes."""


class DownstreamBody(Protocol):
    """A request's body on its way. `length` is in bytes, 0 where `chunked`.

    `begun` tells that a byte of it has come, `complete` that all of them have.
    """

    chunked: bool
    length: int
    begun: bool
    complete: bool

    def start(self, consumer: BodyConsumer) -> None:
        """Hand on what has come, and the rest as it comes."""

    def stop(self) -> None:
        """Hand on no more: the consumer has ended before the body."""

    def hold(self) -> None:
        """Take no more from the caller until `resume`."""

    def resume(self) -> None:
        """Take bytes from the caller again."""

    async def arrived(self, most: int) -> None:
        """Return when all of it has come, or `most` bytes; raises ExchangeError when that never will be."""

    def fail(self, error: ExchangeError) -> None:
        """Tell that the rest never comes."""

    async def read(self, most: int) -> bytes:
        """Return all of it; raises ExchangeError when it is longer than `most` bytes, broken, or stalled."""


class DownstreamConnection(Protocol):
    """The caller's connection.

    `peer` is the address that the socket shows, `unix` for a socket file; `scheme` is `http` or `https`.
    """

    peer: str
    scheme: str

    @property
    def stall(self) -> float:
        """Return for how many seconds the caller may take nothing."""

    @property
    def unsent(self) -> int:
        """Return how many bytes the caller has not taken yet."""

    @property
    def writing_paused(self) -> bool:
        """Tell whether the write buffer is full."""

    @property
    def draining(self) -> bool:
        """Tell whether the process is about to end, so that each answer closes its connection."""

    def write(self, data: bytes) -> None:
        """Send bytes; to a caller that has gone, nothing."""

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """Send several pieces in one."""

    def end_writing(self) -> None:
        """Say that no more is coming; TLS connections cannot, and stay as they are."""

    def abort(self) -> None:
        """Break the connection, so that half an answer is not taken for a whole one."""

    def watch(self, watcher: FlowWatcher | None) -> None:
        """Tell `watcher` from now on how the caller takes what is written."""

    def take_over(self, peer: RawPeer) -> bytes:
        """Give every byte that comes from now on to `peer`; return those that came behind the request's head."""

    def pause_reading(self) -> None:
        """Take no bytes from the caller."""

    def resume_reading(self) -> None:
        """Take bytes from the caller again."""

    def complete(self, request: DownstreamRequest, answer: DownstreamAnswer) -> None:
        """Take the answer of `request`, which was under way."""


class DownstreamRequest:
    """One request and what is noted of it while it is served. `body` is None where there is none.

    `record` and `generation` belong to whoever serves it: what is noted, and the config that it began in.
    """

    __slots__ = ("body", "connection", "generation", "head", "record")

    def __init__(self, head: RequestHead, body: DownstreamBody | None, connection: DownstreamConnection) -> None:
        self.head = head
        self.body = body
        self.connection = connection
        self.record: RequestRecord | None = None
        self.generation: Any = None

    def complete(self, answer: DownstreamAnswer) -> None:
        """Answer a request that is under way."""
        self.connection.complete(self, answer)


class Forwarded(msgspec.Struct, frozen=True, gc=False):
    """Stands for an answer whose bytes were written as they came.

    `keep_alive` tells whether the caller's connection may carry another request.
    """

    status: int
    keep_alive: bool


DownstreamAnswer = Response | Forwarded
"""What a request ends in: the upstream's answer, or one of our own that is yet to be sent."""

Serving = Response | Coroutine[Any, Any, Response | None] | None
"""What serving a request begins with: the answer; something that has to be waited for first; or None, and then the
answer comes by `DownstreamRequest.complete`."""
