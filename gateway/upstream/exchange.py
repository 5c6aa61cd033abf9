"""One request's answer on its way: from the upstream's connection to the caller's, as it comes.

The bytes take no detour through a task: the upstream's protocol hands them in, and they are written to the caller
before the loop turns. What one read brought goes out in one write, so a small answer is one system call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead
from gateway.upstream.balancer import Loan
from gateway.upstream.caller_answer import CallerAnswer
from gateway.upstream.forward_context import ForwardContext

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ExchangeOwner(Protocol):
    """Whoever began an exchange; one of these is called once. Clocks are in seconds: the loop's, and the records'."""

    loop_time: Callable[[], float]
    now: Callable[[], float]

    def ended(self, exchange: Exchange, error: ExchangeError | None) -> None:
        """Take it that the answer is complete, or failed with `error`."""

    def switched(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Make a tunnel of the two connections; `rest` came behind the upstream's 101."""


class Exchange(CallerAnswer):
    """The ResponseSink of one request, and the FlowWatcher of its caller, on a connection that was lent for it.

    The connection's deadline is the exchange's meanwhile.
    """

    __slots__ = ("_complete", "_over", "_owner", "_paused", "loan")

    def __init__(self, context: ForwardContext, loan: Loan, owner: ExchangeOwner) -> None:
        super().__init__(context)
        self.loan = loan
        self._owner = owner
        self._paused = False
        self._complete = False
        self._over = False

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
        self.context.record.upstream_first_byte = self._owner.now()
        self._write_whole(self._compose(head), body)
        self._finish(None)

    def head(self, head: ResponseHead) -> None:
        """Compose the caller's head."""
        context = self.context
        context.record.upstream_first_byte = self._owner.now()
        self._out.append(self._compose(head))
        if head.event_stream:
            context.stream = context.streams.add("event_stream", context.decision, self._end_stream)

    def body(self, data: bytes) -> None:
        """Frame a piece of the body."""
        self._take(data)

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
        self._take_end()
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
            if self.unframed:
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
