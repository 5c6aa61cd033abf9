"""One request's answer on its way: from the upstream's connection to the caller's, as it comes.

The bytes take no detour through a task: the upstream's protocol hands them in, and they are written to the caller
before the loop turns. What one read brought goes out in one write, so a small answer is one system call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead
from gateway.model.client_address import bucket_of_address
from gateway.upstream.balancer import Loan
from gateway.upstream.caller_answer import CallerAnswer
from gateway.upstream.forward_context import CONTINUE, ForwardContext


class ExchangeOwner(Protocol):
    """Whoever began an exchange; one of these is called once. `now` is the records' clock, in seconds."""

    now: Callable[[], float]

    def ended(self, exchange: Exchange, error: ExchangeError | None) -> None:
        """Take it that the answer is complete, or failed with `error`."""

    def switched(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Make a tunnel of the two connections; `rest` came behind the upstream's 101."""


class Exchange(CallerAnswer):
    """The ResponseSink of one request, and the FlowWatcher of its caller, on a connection that was lent for it.

    The connection's deadline is the exchange's meanwhile. A `slow` one, whose caller keeps it waiting, gives way to
    others.
    """

    __slots__ = ("_complete", "_over", "_owner", "_paused", "loan", "slow")

    def __init__(self, context: ForwardContext, loan: Loan, owner: ExchangeOwner) -> None:
        super().__init__(context, loan.upstream.address)
        self.loan = loan
        self._owner = owner
        self._paused = False
        self._over = False
        self._complete = False
        self.slow = False

    def send(self, head: bytes) -> None:
        """Send the request: its head, and its body as it comes."""
        context, connection = self.context, self.loan.connection
        connection.begin(self, head_request=context.request.head.method == "HEAD", upgrading=context.upgrading)
        context.client.watch(self)
        connection.write(head)
        connection.deadline.ends_at = context.ends_at
        if context.body is None:
            connection.deadline.wait(context.route.timeouts.response, Fault.RESPONSE_TIMEOUT)
        else:
            if context.expects:
                context.client.write(CONTINUE)
            context.body.send(connection, self)

    # What the request's body calls

    def wait_for_caller(self) -> None:
        """Hold nobody but the caller to a time while its body is awaited; the front does that."""
        if not self._over and not self.begun:
            self.loan.connection.deadline.wait_for_ever()

    def wait_for_upstream(self) -> None:
        """Give the upstream the route's idle time to take what was sent."""
        self._wait_for_taking(self.context.route.timeouts.idle, Fault.IDLE_TIMEOUT)

    def sent(self) -> None:
        """Give the upstream the time that the route gives it, now that it has the whole request."""
        self._wait_for_taking(self.context.route.timeouts.response, Fault.RESPONSE_TIMEOUT)

    # What the upstream's connection calls

    def whole(self, head: ResponseHead, body: bytes) -> None:
        """Send an answer that came in one piece, with its length, and be done."""
        self.context.record.upstream_first_byte = self._owner.now()
        self._write_whole(self._compose(head), body)
        self._finish(None)

    def head(self, head: ResponseHead) -> None:
        """Compose the caller's head; raises ExchangeError for a stream more than its address may have."""
        self.context.record.upstream_first_byte = self._owner.now()
        self._out.append(self._compose(head))
        if head.event_stream:
            self._become_stream()

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
            self._hold() if self.context.client.writing_paused else self._wait_for_upstream()

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
        """Give up on whoever kept this exchange waiting, by the name of the limit that it reached."""
        fault = self.loan.connection.deadline.verdict()
        if fault is not None:
            self.abandon(ExchangeError(fault))

    # What the caller's connection calls

    def client_paused(self) -> None:
        """Hold the upstream: what it sends would pile up here."""
        self._hold()

    def client_resumed(self) -> None:
        """Let the upstream go on."""
        if self._paused and not self._over:
            self._paused = False
            self._wait_for_upstream()
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

    def _wait_for_upstream(self) -> None:
        if not self._over:
            self.loan.connection.deadline.wait(self.context.route.timeouts.idle, Fault.IDLE_TIMEOUT)

    def _wait_for_taking(self, seconds: float, fault: Fault) -> None:
        """Give the upstream its time to take what waits for it."""
        if not self._over and not self.begun:
            connection = self.loan.connection
            connection.deadline.wait_for_taking(seconds, fault, connection.untaken)

    def _hold(self) -> None:
        if not self._paused and not self._over:
            self._paused = True
            connection, client = self.loan.connection, self.context.client
            connection.pause_reading()
            connection.deadline.wait_for_taking(client.stall, Fault.CLIENT_STALLED, lambda: client.unsent)

    # What looks at exchanges that last

    @property
    def moved(self) -> int:
        """How many bytes the caller has sent and taken."""
        record = self.context.record
        return record.bytes_in + record.bytes_out - self.context.client.unsent

    @property
    def waits_for_caller(self) -> bool:
        """Tell whether it is the caller, and not the upstream, that keeps it waiting."""
        body = self.context.body
        return self._paused or (body is not None and not body.complete and not self.loan.connection.writing_paused)

    def lasts(self) -> None:
        """Be found from now on when the session ends."""
        context = self.context
        if not self._over and context.stream is None and context.decision.credential is not None:
            context.stream = context.streams.add("answer", context.decision, self._end_stream)

    def give_way(self, client: str) -> bool:
        """End, since a request of `client` needs the place; return whether there was one to give.

        Who is not slow, and only has more than its share, gives way to other addresses alone.
        """
        is_own = bucket_of_address(client) == bucket_of_address(self.context.decision.access.client)
        if self._over or (is_own and not self.slow):
            return False
        self.abandon(ExchangeError(Fault.GAVE_WAY))
        return True

    def _become_stream(self) -> None:
        """Be an event stream: no exchange that ends soon, and so none of the pool's."""
        context = self.context
        context.streams.require_room(context.decision)
        if context.stream is not None:
            context.streams.remove(context.stream)
        self.loan.leave_pool()
        context.stream = context.streams.add("event_stream", context.decision, self._end_stream)

    def _end_stream(self, _code: int) -> None:
        self.abandon(ExchangeError(Fault.ENDED))
