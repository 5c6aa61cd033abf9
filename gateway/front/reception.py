"""The half of a caller's connection that reads: one request after the other, its body, each in time and in bounds."""

from __future__ import annotations

import asyncio

from gateway.front.body import CallerBody
from gateway.front.phases import DRAINING, DROPPING, HEAD, SERVING, PhasedConnection
from gateway.front.serving import ConnectionOwner
from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.head_parser import HeadLimits, RequestHead
from gateway.http1.header_block import HeaderBlock
from gateway.http1.request_reader import RequestReader, State
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode, mistake

_LATE = mistake(RefusalCode.TIMEOUT, "the head did not come within limits.head_timeout")


class Reception(PhasedConnection):
    """Reads heads and bodies; who answers them is the connection's to know.

    `_next` is the request that was read behind the one that is under way, `_body` the body of that one.
    """

    __slots__ = ("_body", "_head_begun", "_next", "_reader")

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(owner, loop)
        limits = owner.limits
        self._reader = RequestReader(
            HeadLimits(limits.head_bytes, limits.headers, limits.target_bytes, limits.cookies), owner.blocks
        )
        self._body: CallerBody | None = None
        self._next: RequestHead | None = None
        self._head_begun = False

    def resume_reading(self) -> None:
        """Take bytes from the caller again, whose time begins now: it was we who did not read."""
        super().resume_reading()
        if self._body is not None and self._phase is SERVING:
            self._expect_body(self._body)

    def _receive_body(self, block: HeaderBlock) -> CallerBody:
        body = CallerBody(self, chunked=block.chunked, length=block.length)
        try:
            self._reader.start_body(body)
        except MalformedError as error:
            body.fail(ExchangeError(Fault.BODY_BROKEN, error.refusal.detail))
        self._expect_body(body)
        return body

    def _read_next(self) -> None:
        """Read the next request, some of which may be here already."""
        self._body = None
        self._head_begun = False
        self._wait(HEAD, self._owner.limits.idle)
        try:
            self._next = self._reader.next()
        except MalformedError as error:
            self._broken(error)
            return
        if self._next is None and self._reader.begun:
            self._expect_head()
        if not self._reading:
            self.resume_reading()

    def _expect_head(self) -> None:
        """Give a head its time from its first byte, so that one now and then does not keep a connection (Slowloris)."""
        if not self._head_begun:
            self._head_begun = True
            self._wait(HEAD, self._owner.limits.head_timeout)

    def _expect_body(self, body: CallerBody) -> None:
        """Give the rest of a body its time, from now."""
        if body.complete or body.failed:
            self._deadline.clear()
        else:
            self._deadline.set(self._loop.time() + self._owner.limits.body_stall)

    def _hold_next(self) -> None:
        """Take no more bytes while those of a next request wait."""
        waits = self._phase is SERVING or self._phase is DRAINING
        if waits and self._reader.held and self._reader.state is State.DONE:
            self.pause_reading()

    # What cannot be read, or comes too late

    def _broken(self, error: MalformedError) -> None:
        """Refuse bytes that are no request; those of a body fail whoever reads it."""
        if self._phase is DROPPING:
            self._linger()
        elif self._phase is SERVING and self._body is not None:
            self._deadline.clear()
            self.pause_reading()
            self._body.fail(ExchangeError(Fault.BODY_BROKEN, error.refusal.detail))
        else:
            self._refuse(error.refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what never became a request: our own words, none of the caller's bytes; and read no further."""
        answer = self._owner.handler.refuse(refusal, self.peer, self._reader.seen)
        self._owner.writer.send(self, answer, None, closes=True)
        self._linger()

    def _late(self) -> None:
        """Act on a head or a body that took too long."""
        body = self._body
        if self._phase is SERVING:
            if body is not None and body.held:  # it is we who do not read
                self._expect_body(body)
            elif body is not None:
                body.fail(ExchangeError(Fault.CLIENT_STALLED))
        elif self._reader.begun:
            self._refuse(_LATE)
        else:
            self._close()
