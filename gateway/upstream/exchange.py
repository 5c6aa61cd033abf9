"""One request's answer on its way: from the upstream's connection to the caller's, as it comes.

The bytes take no detour through a task: the upstream's protocol hands them in, and they are written to the caller
before the loop turns. What one read brought goes out in one write, so a small answer is one system call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead, compose_head
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.forward_context import ForwardContext

_LAST_CHUNK = b"0\r\n\r\n"


class Exchange:
    """The ResponseSink of one request. `connection` carries it, and its deadline is the exchange's meanwhile.

    `finished` is done when the answer is; it raises ExchangeError when it failed. `begun` tells whether bytes of an
    answer were sent, so that there is no other answer to give. `keep_alive` tells, at the end, whether the caller's
    connection may carry another request. `now` is the record's clock.
    """

    __slots__ = (
        "_carriage",
        "_chunking",
        "_clock",
        "_connection",
        "_idle",
        "_now",
        "_out",
        "_paused",
        "begun",
        "finished",
        "keep_alive",
        "rest",
        "switched_to",
    )

    def __init__(
        self,
        carriage: ForwardContext,
        connection: UpstreamConnection,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float],
    ) -> None:
        self._carriage = carriage
        self._clock = loop.time
        self._now = now
        self._idle = carriage.route.timeouts.idle
        self._connection: UpstreamConnection | None = connection
        self._out: list[bytes] = []
        self._chunking = False
        self._paused = False
        self.begun = False
        self.keep_alive = False
        self.finished: asyncio.Future[None] = loop.create_future()
        self.switched_to: ResponseHead | None = None
        self.rest = b""

    def wait(self, seconds: float) -> None:
        """Set the deadline: `seconds` from now, or the exchange's end, whichever is first."""
        connection = self._connection
        if connection is None or self.finished.done():
            return
        at, ends_at = self._clock() + seconds, self._carriage.ends_at
        connection.deadline.set(min(at, ends_at) if ends_at else at)

    def wait_for_caller(self) -> None:
        """Hold nobody but the caller to a time while its body is awaited; the front does that."""
        if self._connection is None or self.begun:
            return
        if self._carriage.ends_at:
            self._connection.deadline.set(self._carriage.ends_at)
        else:
            self._connection.deadline.clear()

    def wait_for_upstream(self) -> None:
        """Give the upstream the route's idle time to take what was sent."""
        if not self.begun:
            self.wait(self._idle)

    def sent(self) -> None:
        """Give the upstream the time that the route gives it, now that it has the whole request."""
        if not self.begun:
            self.wait(self._carriage.route.timeouts.response)

    def invite(self, interim: bytes) -> None:
        """Send the caller an interim response."""
        transport = self._carriage.client.transport
        if transport is not None and not transport.is_closing():
            transport.write(interim)

    # What the connection calls

    def head(self, head: ResponseHead) -> None:
        """Compose the caller's head, in the framing that the caller understands."""
        carriage = self._carriage
        record = carriage.record
        record.upstream_first_byte = self._now()
        record.status = record.upstream_status = head.status
        framing, close = self._framing(head)
        if close or carriage.must_close:
            framing += b"Connection: close\r\n"
        else:
            self.keep_alive = True
            if carriage.http_1_0:
                framing += b"Connection: keep-alive\r\n"
        self._out.append(compose_head(head, framing, carriage.decision.caller_headers))
        if head.event_stream:
            carriage.stream = carriage.streams.add("event_stream", carriage.decision, self._end_stream)

    def body(self, data: bytes) -> None:
        """Frame a piece of the body."""
        self._carriage.record.bytes_out += len(data)
        if self._chunking:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def flush(self) -> None:
        """Write what is there; a caller that takes it slowly holds the upstream (RFC 9293's window does the rest)."""
        out = self._out
        if not out:
            return
        client = self._carriage.client
        transport = client.transport
        if transport is None or transport.is_closing():
            return
        self.begun = True
        self._out = []
        if len(out) == 1:
            transport.write(out[0])
        else:
            transport.writelines(out)
        if not self.finished.done():
            self._hold() if client.writing_paused else self.wait(self._idle)

    def end(self) -> None:
        """End the body."""
        if self._chunking:
            self._out.append(_LAST_CHUNK)
        if not self.finished.done():
            self.finished.set_result(None)

    def fail(self, error: ExchangeError) -> None:
        """Give up; a body that was begun stays visibly incomplete, because its connection is closed without an end."""
        self.keep_alive = False
        if not self.begun:
            self._out = []  # nothing was sent, so there is still another answer to give
            self._carriage.record.status = 0
        if not self.finished.done():
            self.finished.set_exception(error)

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Let the handler make a tunnel of the two connections."""
        self.switched_to = head
        self.rest = rest
        if not self.finished.done():
            self.finished.set_result(None)

    def expired(self) -> None:
        """Give up on whoever kept this exchange waiting."""
        if self._carriage.ends_at and self._clock() >= self._carriage.ends_at:
            fault = Fault.TOTAL_TIMEOUT
        elif self._paused:
            fault = Fault.CLIENT_STALLED
        elif self.begun or self._out:
            fault = Fault.IDLE_TIMEOUT
        else:
            fault = Fault.RESPONSE_TIMEOUT
        self.abandon(ExchangeError(fault))

    # What the caller's connection calls

    def client_paused(self) -> None:
        """Hold the upstream: what it sends would pile up here."""
        if not self._paused and not self.finished.done():
            self._hold()

    def client_resumed(self) -> None:
        """Let the upstream go on."""
        if self._paused and self._connection is not None:
            self._paused = False
            self.wait(self._idle)
            self._connection.resume_reading()

    # What the handler calls

    def abandon(self, error: ExchangeError) -> None:
        """Stop the exchange from our side: the upstream is told by a reset."""
        if self._connection is not None:
            self._connection.abort()
        self.fail(error)

    def settle(self) -> None:
        """Leave the connection as the next exchange expects it; one that is not done with is aborted."""
        connection = self._connection
        if connection is not None:
            if not self.finished.done() or self.finished.cancelled() or self.finished.exception() is not None:
                connection.abort()
            elif self._paused:
                connection.resume_reading()
        self._paused = False
        self._connection = None
        self.finished.cancel()

    def _hold(self) -> None:
        if self._connection is not None and not self._paused:
            self._paused = True
            self._connection.pause_reading()
            self.wait(self._idle)

    def _end_stream(self, _code: int) -> None:
        self.abandon(ExchangeError(Fault.ENDED))

    def _framing(self, head: ResponseHead) -> tuple[bytes, bool]:
        """Return the field that says how the body ends, and whether only the connection's end can say so."""
        if head.length is not None:
            return (b"Content-Length: " + head.declared + b"\r\n" if head.declared is not None else b""), False
        if self._carriage.http_1_0:
            return b"", True
        self._chunking = True
        return b"Transfer-Encoding: chunked\r\n", False
