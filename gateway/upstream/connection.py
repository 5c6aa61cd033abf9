"""One connection to an upstream: lent to one exchange after another, as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from gateway.http1.downstream import RawPeer
from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseSink
from gateway.http1.response_reader import ResponseReader
from gateway.http1.whole_response import WholeResponses
from gateway.resilience.untaken import untaken
from gateway.resilience.write_pieces import write_pieces
from gateway.upstream.exchange_deadline import ExchangeDeadline
from gateway.upstream.last_words import LastWords

_WRITE_HIGH = 256 * 1024
"""Bytes that wait for a slow upstream before its writer is told to pause."""

_LAST_BYTES_SECONDS = 30.0
"""How long an upstream may take to read what it was sent last; one that hangs would keep its place in the pool."""


class UpstreamConnection(asyncio.Protocol):
    """A connection that carries at most one exchange at a time.

    `head_bytes` bounds a response's head, interim ones included. `on_writable`, where it is set, is called when the
    upstream takes bytes again, and `closed` once, when the connection has gone. `reusable` tells, between exchanges,
    whether the next one may begin; one that is `apart` belongs to a stream, and is nobody's afterwards.
    """

    __slots__ = (
        "_head_bytes",
        "_head_request",
        "_loop",
        "_raw",
        "_reader",
        "_responses",
        "_sink",
        "_spare",
        "_upgrading",
        "apart",
        "closed",
        "deadline",
        "heard",
        "on_writable",
        "opened",
        "reusable",
        "transport",
        "tunnel",
        "used",
        "writing_paused",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, head_bytes: int) -> None:
        self._loop = loop
        self._head_bytes = head_bytes
        self._responses = WholeResponses(head_bytes)
        self._raw: asyncio.Transport | None = None
        self._sink: ResponseSink | None = None
        self._reader: ResponseReader | None = None
        self._spare: ResponseReader | None = None
        self._head_request = self._upgrading = False
        self.on_writable: Callable[[], None] | None = None
        self.closed: Callable[[UpstreamConnection], None] | None = None
        self.transport: asyncio.Transport | None = None
        self.deadline = ExchangeDeadline(loop, self._expired)
        self.opened = loop.time()
        self.used = False
        self.heard = False
        self.reusable = True
        self.apart = False
        self.writing_paused = False
        self.tunnel: RawPeer | None = None

    def begin(self, sink: ResponseSink, *, head_request: bool, upgrading: bool) -> None:
        """Start an exchange: what arrives from now on goes to `sink`."""
        self._sink = sink
        self._head_request = head_request
        self._upgrading = upgrading
        self.heard = False
        self.reusable = False

    @property
    def sink(self) -> ResponseSink | None:
        """Who gets what arrives now."""
        return self._sink

    def untaken(self) -> int:
        """Return how many bytes the upstream has not taken yet."""
        return 0 if self.transport is None else untaken(self.transport)

    def expect_reset(self) -> None:
        """Have the upstream's last words read, if the write that follows now meets a reset."""
        if self._raw is not None:
            LastWords(self._raw, self).look_behind()

    def write(self, data: bytes) -> None:
        """Send bytes; those that the peer no longer takes are dropped, and `connection_lost` tells of it."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """Send several pieces in one."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            write_pieces(transport, pieces)

    def pause_reading(self) -> None:
        """Take no more bytes until `resume_reading`."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes again."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def abort(self) -> None:
        """Close at once; the upstream is told by a reset, as far as it has not read everything."""
        self._forget()
        self.reusable = False
        self.deadline.close()
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Close when what was written has been sent, or when that takes too long."""
        self.reusable = False
        if self.transport is not None:
            self.deadline.set(self._loop.time() + _LAST_BYTES_SECONDS)
            self.transport.close()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport; with TLS there is a second one, above the socket's own."""
        self.transport = cast("asyncio.Transport", transport)
        self._raw = self._raw or self.transport
        self.transport.set_write_buffer_limits(_WRITE_HIGH)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the upstream."""
        if self.tunnel is not None:
            self.tunnel.received(data)
            return
        sink = self._sink
        if sink is None:
            # An upstream that speaks unasked would answer the next caller's request with it.
            self.abort()
            return
        if not self.heard:
            self.heard = True
            if not self._head_request and not self._upgrading and (whole := self._responses.read(data)):
                self._sink = None
                self.reusable = True
                sink.whole(*whole)
                return
        reader = self._reader or self._new_reader(sink)
        try:
            reader.feed(data)
        except ExchangeError as error:
            self.abort()
            sink.fail(error)
        if reader.complete:
            self._release(reader)
        elif reader.switched is not None:
            self._release(reader)
            self.pause_reading()  # until the tunnel stands
            sink.switched(reader.switched, reader.rest)
        sink.flush()

    def eof_received(self) -> None:
        """End a body that ends with its connection."""
        sink, reader = self._sink, self._reader
        if sink is not None and reader is not None:  # else nothing has come
            reader.feed_eof()
            if reader.complete:
                self._release(reader)
                sink.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that nothing more will come."""
        self.transport = None
        self.reusable = False
        self.deadline.close()
        sink, reader = self._sink, self._reader
        self._forget()
        if sink is not None:
            fault = Fault.LOST if reader is None or reader.head is None else Fault.TRUNCATED
            sink.fail(ExchangeError(fault, "" if exc is None else type(exc).__name__))
        if self.tunnel is not None:
            self.tunnel.ended()
        if self.closed is not None:
            self.closed(self)

    def pause_writing(self) -> None:
        """Remember that the upstream reads slowly."""
        self.writing_paused = True
        if self.tunnel is not None:
            self.tunnel.paused()

    def resume_writing(self) -> None:
        """Let the writer go on."""
        self.writing_paused = False
        if self.on_writable is not None:
            self.on_writable()
        if self.tunnel is not None:
            self.tunnel.resumed()

    def _new_reader(self, sink: ResponseSink) -> ResponseReader:
        """Return a reader for a response that does not come whole."""
        reader, self._spare = self._spare, None
        if reader is None:
            reader = ResponseReader(sink, self._head_bytes, head_request=self._head_request, upgrading=self._upgrading)
        else:
            reader.restart(sink, head_request=self._head_request, upgrading=self._upgrading)
        self._reader = reader
        return reader

    def _release(self, reader: ResponseReader) -> None:
        """End the exchange on this side: what arrives now is nobody's."""
        self.reusable = reader.keep_alive
        self.deadline.clear()
        if reader.between and reader.keep_alive:
            self._spare = reader
            self._reader = self._sink = None
        else:
            self._forget()

    def _forget(self) -> None:
        for reader in (self._reader, self._spare):
            if reader is not None:
                reader.close()
        self._reader = self._spare = self._sink = None

    def _expired(self) -> None:
        if self._sink is not None:
            self._sink.expired()
        elif self.transport is not None and self.transport.is_closing():
            self.transport.abort()
        else:
            self.close()
