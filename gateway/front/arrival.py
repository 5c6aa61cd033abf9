"""What one caller sends, held to limits of size and time while it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import MutableSequence

import msgspec
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.front.chunk_framing import ChunkFraming
from gateway.front.trailers import TrailerGuard
from gateway.front.unreadable import QueuedMessage, refuse_long_heads, size_of
from gateway.http1.faults import ExchangeError, Fault
from gateway.resilience.deadline import Deadline


class FrontLimits(msgspec.Struct, frozen=True):
    """What one connection may do; sizes in bytes, times in seconds."""

    head_bytes: int = 32768
    headers: int = 128
    target_bytes: int = 8192
    head_timeout: float = 10.0
    body_stall: float = 30.0
    idle: float = 75.0
    connections: int = 10000


class Arrival:
    """Where a caller stands in what it sends: in a head, in a body, or behind both.

    `fed` counts the bytes of a head that is not complete yet. It moves the connection's one `deadline` and asks
    `trailers` which requests may be served; what an expired deadline means is the connection's to decide.
    """

    __slots__ = ("_body", "_deadline", "_framing", "_in_body", "_limits", "_loop", "fed", "trailers")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: FrontLimits, deadline: Deadline) -> None:
        self._loop = loop
        self._limits = limits
        self._deadline = deadline
        self.trailers = TrailerGuard()
        self._body: StreamReader = EMPTY_PAYLOAD
        self._framing: ChunkFraming | None = None
        self._in_body = False
        self.fed = 0

    def took(
        self, data: bytes, messages: MutableSequence[QueuedMessage], began: int, *, parsed_all: bool, held: bool = False
    ) -> bool:
        """Note what the parser made of `data`; tell whether the head that is not complete yet is still in bounds.

        `messages` wait to be served, and the last `began` of them are new. Those that stand behind a chunked request's
        trailers are dropped, and those whose heads are too long are refused in their places. For `parsed_all` see
        TrailerGuard; `held` tells that a body is not read, so that the parser may hold back a part of it.
        """
        if began == 1 and messages[-1][1] is EMPTY_PAYLOAD and self.trailers.pass_by(data):
            self._began(len(data), messages, alone=True)
            return True
        new = [messages[place - began] for place in range(began)]
        admitted = self.trailers.admit(data, new, parsed_all=parsed_all)
        for _ in range(began - admitted):
            messages.pop()
        if admitted:
            framed = self._began(len(data), messages, alone=admitted == 1 and not self._in_body)
        elif self._in_body:
            self._expect_body()
            framed = len(data)
        else:
            return not data or self._continued_head(len(data))
        if self._framing is not None and not self._framing.took(framed, parsed_all=parsed_all and not held):
            self._body.set_exception(ExchangeError(Fault.BODY_BROKEN, "the chunked framing is too long"))
        return True

    def stalled(self, *, held: bool) -> bool:
        """Tell whether it is a body that took too long; fail it, unless it is `held`: then it is we who do not read."""
        if self._body.is_eof():
            return False
        if held:
            self._expect_body()
        else:
            self._body.set_exception(ExchangeError(Fault.CLIENT_STALLED))
        return True

    def _began(self, size: int, messages: MutableSequence[QueuedMessage], *, alone: bool) -> int:
        """Note that a head is complete; its body, if it has one, may not stall.

        Return how many bytes came behind it, 0 where that is not known: only those of a head that came `alone` is.
        """
        size += self.fed
        self.fed = 0
        if size > self._limits.head_bytes:
            refuse_long_heads(messages, self._limits.head_bytes)
        if self._in_body and not self._body.is_eof():
            # No request: the parser has given up in the middle of a body, and tells nobody who waits for the rest.
            self._body.set_exception(ExchangeError(Fault.BODY_BROKEN, "the chunked framing is broken"))
        self._body = messages[-1][1] if messages else EMPTY_PAYLOAD
        self._framing = None
        if self._body is EMPTY_PAYLOAD:
            self._in_body = False
            self._deadline.clear()
            return 0
        self._expect_body()
        head: RawRequestMessage = messages[-1][0]
        if head.chunked:
            self._framing = ChunkFraming(self._body, self._limits.head_bytes)
        return size - size_of(head) if alone else 0

    def _expect_body(self) -> None:
        """Give the rest of a body its time, from now; none where it is at its end."""
        self._in_body = not self._body.is_eof()
        if self._in_body:
            self._deadline.set(self._loop.time() + self._limits.body_stall)
        else:
            self._deadline.clear()

    def _continued_head(self, size: int) -> bool:
        """Note bytes of a head; its time runs from the first, so that one now and then does not keep it (Slowloris)."""
        if not self.fed:
            self._deadline.set(self._loop.time() + self._limits.head_timeout)
        self.fed += size
        return self.fed <= self._limits.head_bytes
