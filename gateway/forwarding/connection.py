"""One connection to an upstream: bytes in, one exchange after another out.

Where the protocol leaves the message framing to HTTP, llhttp reads it; inside a body of known length, or one that
ends with the connection, there is nothing to parse, and the bytes go through as they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from gateway.forwarding.deadline import Deadline
from gateway.forwarding.faults import ExchangeError, Fault
from gateway.forwarding.peers import RawPeer
from gateway.forwarding.response_head import ResponseHead, read_head

_INTERIM = 100
_SWITCHING = 101
_FINAL = 200
_WRITE_HIGH = 256 * 1024
"""Bytes that wait for a slow upstream before its writer is told to pause."""


class ResponseSink(Protocol):
    """Takes one response as it arrives. Exactly one of `end` and `fail` is called, last."""

    def head(self, head: ResponseHead) -> None:
        """Take the head of the final response."""

    def body(self, data: bytes) -> None:
        """Take a piece of the body, without its framing."""

    def flush(self) -> None:
        """Nothing more is at hand: send what was taken."""

    def end(self) -> None:
        """Take it that the response is complete."""

    def fail(self, error: ExchangeError) -> None:
        """Take it that the response will not be completed."""

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Take over after a 101; `rest` is the first of the new protocol's bytes."""

    def expired(self) -> None:
        """Act on the connection's deadline, which the sink has set and which has passed."""


class UpstreamConnection(asyncio.Protocol):
    """A connection that carries at most one exchange at a time.

    `head_bytes` bounds a response's head, interim ones included. `closed`, where it is set, is called once, when the
    connection has gone. `reusable` tells, between exchanges, whether the next one may begin.
    """

    __slots__ = (
        "_chunked",
        "_done",
        "_drained",
        "_head_bytes",
        "_head_left",
        "_head_request",
        "_headers",
        "_left",
        "_loop",
        "_parser",
        "_read_head",
        "_reason",
        "_sink",
        "_upgrading",
        "closed",
        "deadline",
        "heard",
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
        self.closed: Callable[[UpstreamConnection], None] | None = None
        self._sink: ResponseSink | None = None
        self._drained: asyncio.Future[None] | None = None
        self._left: int | None = 0
        self.transport: asyncio.Transport | None = None
        self.deadline = Deadline(loop, self._expired)
        self.opened = loop.time()
        self.used = False
        self.heard = False
        self.reusable = True
        self.writing_paused = False
        self.tunnel: RawPeer | None = None

    def begin(self, sink: ResponseSink, *, head_request: bool, upgrading: bool) -> None:
        """Start an exchange: what arrives from now on goes to `sink`."""
        self._sink = sink
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self._read_head: ResponseHead | None = None
        self._head_left = self._head_bytes
        self._head_request = head_request
        self._upgrading = upgrading
        self._left = 0
        self._chunked = False
        self._done = False
        self.heard = False
        self.reusable = False

    def write(self, data: bytes) -> None:
        """Send bytes; those that the peer no longer takes are dropped, and `connection_lost` tells of it."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    async def drain(self) -> None:
        """Wait until the peer takes bytes again, or the connection has gone."""
        if self.writing_paused and self.transport is not None:
            self._drained = self._loop.create_future()
            await self._drained

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
        self._sink = None
        self.reusable = False
        self.deadline.close()
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Close when what was written has been sent."""
        self.reusable = False
        self.deadline.close()
        if self.transport is not None:
            self.transport.close()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self.transport = cast("asyncio.Transport", transport)
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
        self.heard = True
        if self._read_head is None or self._chunked:
            self._parse(data)
        else:
            self._pass_on(sink, data)
        sink.flush()

    def eof_received(self) -> None:
        """End a body that ends with its connection."""
        sink = self._sink
        if sink is not None and self._read_head is not None and self._left is None and not self._chunked:
            self._complete()
            sink.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that nothing more will come."""
        self.transport = None
        self.reusable = False
        self.deadline.close()
        self.resume_writing()
        sink, self._sink = self._sink, None
        if sink is not None:
            fault = Fault.LOST if self._read_head is None else Fault.TRUNCATED
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
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self.tunnel is not None:
            self.tunnel.resumed()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a head: the first one, or the one after an interim response."""
        if self._done:
            self.reusable = False
        self._headers = []
        self._reason = b""

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; those after the body (trailers) are dropped."""
        if self._read_head is not None:
            return
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Read the head, unless it is an interim one: those are dropped (1xx; 103 too)."""
        status, sink = self._parser.get_status_code(), self._sink
        if sink is None:
            return
        if status < _FINAL:
            if status < _INTERIM:
                raise ExchangeError(Fault.BAD_RESPONSE, "the status is out of range")
            return
        if self._parser.get_http_version() not in {"1.1", "1.0"}:
            raise ExchangeError(Fault.BAD_RESPONSE, "the version is not HTTP/1.0 or HTTP/1.1")
        head = read_head(status, self._reason, self._headers, head_request=self._head_request)
        self._read_head = head
        self._left = head.length
        self._chunked = head.chunked
        self.reusable = self._parser.should_keep_alive() and (head.length is not None or head.chunked)
        sink.head(head)
        if head.length == 0:
            self._complete()

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self._done or self._sink is None:
            self.reusable = False  # more than was announced
            return
        if self._read_head is None:
            raise ExchangeError(Fault.BAD_RESPONSE, "an interim response with a body")  # RFC 9112 section 6.3: has none
        if self._chunked or self._left is None:
            self._sink.body(data)
        else:
            self._pass_on(self._sink, data)

    def on_message_complete(self) -> None:
        """End a chunked body; the others end by count or with the connection."""
        if self._chunked and not self._done:
            self._complete()

    # What both lead to

    def _parse(self, data: bytes) -> None:
        if self._read_head is None:
            self._head_left -= len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._break(error)
        else:
            if self._read_head is None and self._head_left < 0:
                self._fail(ExchangeError(Fault.BAD_RESPONSE, "the head is too long"))

    def _break(self, error: httptools.HttpParserError) -> None:
        """Give up on what cannot be parsed, unless it stands behind a complete response."""
        self.reusable = False
        if self._done:
            return
        cause = error.__context__
        self._fail(cause if isinstance(cause, ExchangeError) else ExchangeError(Fault.BAD_RESPONSE, str(error)))

    def _switch(self, rest: bytes) -> None:
        self.reusable = False
        sink = self._sink
        if sink is None or not self._upgrading:
            self._fail(ExchangeError(Fault.BAD_RESPONSE, "a change of protocols that nobody asked for"))
            return
        protocols = [value.strip(b" \t").lower() for name, value in self._headers if name.lower() == b"upgrade"]
        if protocols != [b"websocket"]:
            self._fail(ExchangeError(Fault.BAD_RESPONSE, "a change to another protocol than was asked for"))
            return
        self._sink = None
        self.deadline.clear()
        self.pause_reading()  # until the tunnel stands
        head = read_head(_FINAL, self._reason, self._headers, head_request=True)
        head.status = _SWITCHING
        sink.switched(head, rest)

    def _pass_on(self, sink: ResponseSink, data: bytes) -> None:
        """Pass body bytes on that need no parser."""
        left = self._left
        if left is None:
            sink.body(data)
            return
        if len(data) > left:
            data = data[:left]
            self.reusable = False
        self._left = left = left - len(data)
        sink.body(data)
        if not left:
            self._complete()

    def _complete(self) -> None:
        self._done = True
        sink, self._sink = self._sink, None
        self.deadline.clear()
        if sink is not None:
            sink.end()

    def _fail(self, error: ExchangeError) -> None:
        sink = self._sink
        self.abort()
        if sink is not None:
            sink.fail(error)

    def _expired(self) -> None:
        if self._sink is not None:
            self._sink.expired()
        else:
            self.close()
