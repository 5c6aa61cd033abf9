"""One caller's connection: reads one request after another and sees each answered, under limits of size and time."""

from __future__ import annotations

import asyncio

from gateway.front.phases import CLOSED, CLOSING, DRAINING, DROPPING, HEAD, LINGER_SECONDS, LINGERING, SERVING, TUNNEL
from gateway.front.reception import Reception
from gateway.front.serving import ConnectionOwner
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Forwarded, RawPeer
from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.head_parser import RequestHead
from gateway.model.decision import Response
from gateway.model.errors import MalformedError

_TURN = 32
"""Requests that are answered in one go. One read may hold ten thousand, for which every other caller would wait."""


class ClientConnection(Reception):
    """Implements `gateway.http1.downstream.DownstreamConnection`."""

    __slots__ = ("_answered", "_in_serve", "_request", "_task")

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(owner, loop)
        self._request: DownstreamRequest | None = None
        self._task: asyncio.Task[Response | None] | None = None
        self._in_serve = False
        self._answered = 0  # in this turn

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless there are too many connections."""
        super().connection_made(transport)
        self._reader.comes_from(self.peer, self.scheme)
        self._wait(HEAD, self._owner.limits.head_timeout)
        refusal = self._owner.opened(self)
        if refusal is not None:
            self._refuse(refusal)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and see to it that they come in time and in bounds."""
        if self._tunnel is not None:
            self._tunnel.received(data)
            return
        if self._phase is LINGERING or self._phase is CLOSING:
            return
        try:
            head = self._reader.feed(data)
        except MalformedError as error:
            self._broken(error)
            return
        if head is not None:
            self._serve(head)
        elif self._phase is HEAD:
            if self._reader.begun:
                self._expect_head()
        else:
            self._took_body()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - the event loop's
        """Tell whoever works for this caller that it has gone.

        A caller that ends only its own side (`nc -N`) has gone too: until something is written to it, that looks as if
        it had closed its connection (RFC 9112 section 9.6), and the upstream is to be told at once. So does nginx with
        `proxy_pass` (its 499).
        """
        self._phase = CLOSED
        self._transport = None
        self._deadline.close()
        if self._tunnel is not None:
            self._tunnel.ended()
        elif self._task is not None:
            self._task.cancel()
        elif self._watcher is not None:
            self._watcher.client_gone()
        elif self._request is not None:
            self._finish(self._request, None)
        if self._body is not None:
            self._body.fail(ExchangeError(Fault.CLIENT_GONE))
        self._owner.held.discard(self)
        self._owner.closed(self)

    def resume_writing(self) -> None:
        """Let the source go on."""
        super().resume_writing()
        self._take_turn()

    # What those who answer ask for

    @property
    def draining(self) -> bool:
        """Tell whether this is the last answer here: the process is about to end."""
        return self._owner.draining

    @property
    def stall(self) -> float:
        """Return for how many seconds the caller may take nothing."""
        return self._owner.limits.body_stall

    def take_over(self, peer: RawPeer) -> bytes:
        """Give every byte that comes from now on to `peer`; return those that came behind the request's head."""
        self._tunnel = peer
        self._phase = TUNNEL
        self._deadline.clear()
        early = self._reader.upgrade()
        self.resume_reading()
        return early

    def complete(self, request: DownstreamRequest, answer: DownstreamAnswer) -> None:
        """Take the answer of `request`, which was under way."""
        if self._request is not request:
            return
        if self._phase is CLOSED:
            self._finish(request, answer if isinstance(answer, Forwarded) else None)
            return
        self._answer(request, answer)
        if not self._in_serve:
            self._serve(self._next)

    # What the server asks for

    def close_if_idle(self) -> None:
        """Close, unless a request is being read or served."""
        if self._phase is HEAD and not self._reader.begun:
            self._close()

    # Serving

    def _serve(self, head: RequestHead | None) -> None:
        """Serve `head`, and then those whose bytes are here already, until one has to be waited for."""
        while head is not None:
            self._next = None
            self._phase = SERVING
            block = head.block
            body = self._body = self._receive_body(block) if block.chunked or block.length else None
            request = self._request = DownstreamRequest(head, body, self)
            self._in_serve = True
            reply = self._owner.handler.serve(request)
            self._in_serve = False
            if isinstance(reply, Response):
                self._answer(request, reply)
            elif reply is not None:
                task = self._task = self._owner.tasks.start(reply, "request")
                task.add_done_callback(self._waited)
            if self._request is request:
                if self._reader.held:
                    self._hold_next()
                return
            self._answered += 1
            head = self._next
        self._answered = 0

    def _waited(self, task: asyncio.Task[Response | None]) -> None:
        """Take what came of a request that had to be waited for; it may have been answered since."""
        request = self._request
        if request is None or task is not self._task:
            return
        self._task = None
        if task.cancelled() or task.exception() is not None:
            self._finish(request, None)
            self.abort()
        elif (answer := task.result()) is not None:
            self.complete(request, answer)
        elif self._phase is CLOSED and self._watcher is not None:
            self._watcher.client_gone()

    def _answer(self, request: DownstreamRequest, answer: DownstreamAnswer) -> None:
        """Send an answer, or note one that was sent, and decide what follows: `_next` is the next request, if any."""
        self._finish(request, answer)
        head, body = request.head, self._body
        if isinstance(answer, Forwarded):
            stays = answer.keep_alive
        else:
            # A caller that waits for `100 Continue` must not take a refusal for it and send the body after all.
            unfit = body is not None and (body.failed or (head.block.expects and not body.begun))
            stays = self._owner.writer.send(self, answer, head, closes=self.draining or head.upgrade or unfit)
        # Draining alone does not close: the head of this answer may have gone out before, promising to stay, and the
        # next request, which is on its way already, is told.
        stays = stays and not head.upgrade and not self._owner.leaving
        if body is not None and not body.complete:
            body.stop()
            if stays and not body.failed:
                self._wait(DROPPING, LINGER_SECONDS)
            else:
                self._linger()
        elif not stays:
            self._close()
        else:
            self._go_on()

    def _finish(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        """Let the request go."""
        self._request = self._task = None
        self._owner.handler.completed(request, answer)

    def _go_on(self) -> None:
        """Read the next request, unless this caller, or this process, is not ready for one."""
        if self.writing_paused:
            # Else a caller that sends requests and reads no answers would have us keep them all.
            self._wait_for_taking(DRAINING)
        elif self._owner.leaving:
            self._close()
        elif self._answered >= _TURN and self._reader.held:
            self._wait_for_taking(DRAINING)
            self._loop.call_soon(self._take_turn)
        else:
            self._read_next()

    def _take_turn(self) -> None:
        """Go on behind answers that were taken, and after others have had their turn."""
        if self._phase is DRAINING and not self.writing_paused:
            self._answered = 0
            self._go_on()
            self._serve(self._next)

    def _took_body(self) -> None:
        """Note bytes of a body, or of what is behind it."""
        body = self._body
        if body is not None and self._phase is SERVING:
            self._expect_body(body)
        elif body is not None and body.complete and self._phase is DROPPING:
            self._go_on()
            self._serve(self._next)
        self._hold_next()
