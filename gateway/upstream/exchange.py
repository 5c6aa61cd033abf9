"""One request's answer on its way: from the upstream's connection to the caller's, as it comes.

The bytes take no detour through a task: the upstream's protocol hands them in, and they are written to the caller
before the loop turns. What one read brought goes out in one write, so a small answer is one system call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead, compose_head
from gateway.upstream.balancer import Loan
from gateway.upstream.forward_context import ForwardContext

_LAST_CHUNK = b"0\r\n\r\n"
_JOINED = 16 * 1024
"""Bytes of a body that is copied behind its head: up to there a copy costs less than a second piece to write."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ExchangeOwner(Protocol):
    """Whoever began an exchange; one of these is called once. Clocks are in seconds: the loop's, and the records'."""

    loop_time: Callable[[], float]
    now: Callable[[], float]

    def ended(self, exchange: Exchange, error: ExchangeError | None) -> None:
        """Take it that the answer is complete, or failed with `error`."""

    def switched(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Make a tunnel of the two connections; `rest` came behind the upstream's 101."""


class Exchange:
    """The ResponseSink of one request, and the FlowWatcher of its caller, on a connection that was lent for it.

    The connection's deadline is the exchange's meanwhile. `begun` tells whether bytes of an answer were sent, so that
    there is no other answer to give. `keep_alive` tells, at the end, whether the caller's connection may carry another
    request.
    """

    __slots__ = (
        "_chunking",
        "_complete",
        "_out",
        "_over",
        "_owner",
        "_paused",
        "_unframed",
        "begun",
        "context",
        "keep_alive",
        "loan",
    )

    def __init__(self, context: ForwardContext, loan: Loan, owner: ExchangeOwner) -> None:
        self.context = context
        self.loan = loan
        self._owner = owner
        self._out: list[bytes] = []
        self._chunking = False
        self._paused = False
        self._complete = False
        self._over = False
        self._unframed = False
        self.begun = False
        self.keep_alive = False

    def send(self, head: bytes) -> None:
        """Send the request: its head, and its body as it comes."""
        context, connection = self.context, self.loan.connection
        connection.begin(self, head_request=context.request.head.method == "HEAD", upgrading=context.upgrading)
        context.client.watch(self)
        connection.write(head)
        body = context.body
        if body is None:
            self._wait(context.route.timeouts.response)
            return
        if body.awaited and context.request.head.block.expects and not context.http_1_0:
            context.client.write(_CONTINUE)
        body.send(connection, self)

    # What the request's body calls

    def wait_for_caller(self) -> None:
        """Hold nobody but the caller to a time while its body is awaited; the front does that."""
        if self._over or self.begun:
            return
        deadline = self.loan.connection.deadline
        if self.context.ends_at:
            deadline.set(self.context.ends_at)
        else:
            deadline.clear()

    def wait_for_upstream(self) -> None:
        """Give the upstream the route's idle time to take what was sent."""
        if not self.begun:
            self._wait(self.context.route.timeouts.idle)

    def sent(self) -> None:
        """Give the upstream the time that the route gives it, now that it has the whole request."""
        if not self.begun:
            self._wait(self.context.route.timeouts.response)

    # What the upstream's connection calls

    def whole(self, head: ResponseHead, body: bytes) -> None:
        """Send an answer that came in one piece, with its length, and be done."""
        context = self.context
        self.head(head)
        context.record.bytes_out += len(body)
        if len(body) <= _JOINED:
            self.begun = True
            context.client.write(self._out[0] + body)
        else:
            self._out.append(body)
            self._write()
        self._finish(None)

    def head(self, head: ResponseHead) -> None:
        """Compose the caller's head, in the framing that the caller understands."""
        context = self.context
        record = context.record
        record.upstream_first_byte = self._owner.now()
        record.status = record.upstream_status = head.status
        framing, close = self._framing(head)
        if close or context.must_close:
            framing += b"Connection: close\r\n"
        else:
            self.keep_alive = True
            if context.http_1_0:
                framing += b"Connection: keep-alive\r\n"
        self._out.append(compose_head(head, framing, context.decision.caller_headers))
        if head.event_stream:
            context.stream = context.streams.add("event_stream", context.decision, self._end_stream)

    def body(self, data: bytes) -> None:
        """Frame a piece of the body."""
        self.context.record.bytes_out += len(data)
        if self._chunking:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def flush(self) -> None:
        """Write what is there, and be done if it is all; a slow caller holds the upstream."""
        if self._over:
            return
        if self._out:
            self._write()
        if self._complete:
            self._finish(None)
        elif self.begun:
            self._hold() if self.context.client.writing_paused else self._wait(self.context.route.timeouts.idle)

    def end(self) -> None:
        """End the body, once it is flushed."""
        if self._chunking:
            self._out.append(_LAST_CHUNK)
        self._complete = True

    def fail(self, error: ExchangeError) -> None:
        """Give up; a body that was begun stays visibly incomplete, because its connection is closed without an end.

        Where the connection's end is the body's, it is broken instead: a cache in front would keep half of it.
        """
        if self._over:
            return
        self.keep_alive = False
        if self.begun:
            self._write()
            if self._unframed:
                self.context.client.abort()
        else:
            self.context.record.status = 0  # nothing was sent, so there is still another answer to give
        self._finish(error)

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Let the owner make a tunnel."""
        self.begun = self._over = True
        self.context.client.watch(None)
        self._owner.switched(self, head, rest)

    def expired(self) -> None:
        """Give up on whoever kept this exchange waiting."""
        ends_at = self.context.ends_at
        if ends_at and self._owner.loop_time() >= ends_at:
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
        self._hold()

    def client_resumed(self) -> None:
        """Let the upstream go on."""
        if self._paused and not self._over:
            self._paused = False
            self._wait(self.context.route.timeouts.idle)
            self.loan.connection.resume_reading()

    def client_gone(self) -> None:
        """Give up: the caller has left."""
        self.abandon(ExchangeError(Fault.CLIENT_GONE))

    # What anybody calls

    def abandon(self, error: ExchangeError) -> None:
        """Stop the exchange from our side: the upstream is told by a reset."""
        if not self._over:
            self.loan.connection.abort()
            self.fail(error)

    def _finish(self, error: ExchangeError | None) -> None:
        """Leave the connection as the next exchange expects it."""
        self._over = True
        self.context.client.watch(None)
        if error is not None:
            self.loan.connection.abort()
        elif self._paused:
            self.loan.connection.resume_reading()
        self._owner.ended(self, error)

    def _write(self) -> None:
        out = self._out
        self.begun = True
        self._out = []
        if len(out) == 1:
            self.context.client.write(out[0])
        elif out:
            self.context.client.writelines(out)

    def _wait(self, seconds: float) -> None:
        """Set the deadline: `seconds` from now, or the exchange's end, whichever is first."""
        if not self._over:
            at, ends_at = self._owner.loop_time() + seconds, self.context.ends_at
            self.loan.connection.deadline.set(min(at, ends_at) if ends_at else at)

    def _hold(self) -> None:
        if not self._paused and not self._over:
            self._paused = True
            self.loan.connection.pause_reading()
            self._wait(self.context.route.timeouts.idle)

    def _end_stream(self, _code: int) -> None:
        self.abandon(ExchangeError(Fault.ENDED))

    def _framing(self, head: ResponseHead) -> tuple[bytes, bool]:
        """Return the field that says how the body ends, and whether only the connection's end can say so."""
        if head.length is not None:
            return (b"Content-Length: " + head.declared + b"\r\n" if head.declared is not None else b""), False
        if self.context.http_1_0:
            self._unframed = True
            return b"", True
        self._chunking = True
        return b"Transfer-Encoding: chunked\r\n", False
