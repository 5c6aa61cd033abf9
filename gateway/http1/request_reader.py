"""Requests out of one caller's bytes: what its connection hands in comes back as heads, and a sink gets the bodies.

    state     what comes in                    next state
    HEAD      bytes of a head                  HEAD; whole: LENGTH, CHUNKED, or DONE where no body follows
    LENGTH    n bytes, counted                 LENGTH; the last: DONE
    CHUNKED   chunks, read by llhttp           CHUNKED; the last: DONE
    DONE      bytes behind the request, held   DONE; `next`: HEAD; `upgrade`: UPGRADED
    REFUSED   nothing more                     -
    UPGRADED  nothing more                     -

What cannot be understood leads from HEAD, LENGTH and CHUNKED to REFUSED. One request at a time: what comes behind it is
held as bytes and not looked at until `next`, so nothing is queued and nothing is read that will not be served.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from gateway.http1.chunk_reader import ChunkReader
from gateway.http1.head_parser import HeadLimits, RequestHead, parse_head, parse_line, require_promise
from gateway.model.errors import MalformedError

_CR = 13
_EMPTY_LINE = b"\r\n\r\n"
_LINE_END = b"\r\n"


class State(Enum):
    """Where a reader stands; the table is at the head of this file."""

    HEAD = auto()
    LENGTH = auto()
    CHUNKED = auto()
    DONE = auto()
    REFUSED = auto()
    UPGRADED = auto()


# In Python 3.11 a member that is looked up in its class costs as much as five calls.
_HEAD, _LENGTH, _CHUNKED, _DONE, _REFUSED, _UPGRADED = State
_HOLDING = frozenset({_LENGTH, _CHUNKED, _DONE})


class BodySink(Protocol):
    """Takes one request's body as it arrives."""

    def body(self, data: bytes) -> None:
        """Take a piece of the body, without its framing."""

    def body_end(self) -> None:
        """Take it that the body is complete."""


class RequestReader:
    """Reads one connection's requests one after the other, held to `limits` exactly, however the bytes are cut.

    `state` tells where it stands. After a refusal every call that takes or asks for bytes raises it again.
    """

    __slots__ = (
        "_behind",
        "_buffer",
        "_chunks",
        "_left",
        "_limits",
        "_line_read",
        "_refusal",
        "_searched",
        "_sink",
        "_skipped",
        "state",
    )

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._behind = b""
        self._buffer = bytearray()
        self._searched = 0
        self._skipped = 0
        self._line_read = False
        self._left = 0
        self._chunks: ChunkReader | None = None
        self._sink: BodySink | None = None
        self._refusal: MalformedError | None = None
        self.state = _HEAD

    @property
    def held(self) -> int:
        """The bytes held behind the request that is under way."""
        return 0 if self.state is _HEAD else len(self._behind) + len(self._buffer)

    @property
    def begun(self) -> bool:
        """Whether bytes of a head have come and it is not whole; empty lines before a head are none."""
        return self.state is _HEAD and bool(self._buffer)

    def feed(self, data: bytes) -> RequestHead | None:
        """Take bytes; return a head once it is whole.

        Raises MalformedError for what cannot be understood, once and for all.
        """
        if self.state is _HEAD:
            return self._feed_head(data)
        if self._sink is not None:
            self._feed_body(data)
        elif self.state in _HOLDING:
            self._buffer += data
        else:
            raise self._ended()
        return None

    def start_body(self, sink: BodySink) -> None:
        """Say where the body of the head that was returned goes; what came with the head is handed on at once.

        Raises MalformedError as `feed` does.
        """
        self._sink = sink
        data = self._take()
        if data:
            self._feed_body(data)

    def next(self) -> RequestHead | None:
        """Go on with what is held behind a request that is DONE; return the next head if it is whole."""
        if self.state is not _DONE:
            raise self._ended()
        self.state = _HEAD
        if self._behind:
            self._buffer[:0] = self._behind
            self._behind = b""
        return self._read_buffer() if self._buffer else None

    def upgrade(self) -> bytes:
        """Hand over the bytes behind the head: they are another protocol's."""
        self.state = _UPGRADED
        return self._take()

    # The head

    def _feed_head(self, data: bytes) -> RequestHead | None:
        if not self._buffer and not self._skipped:
            end = data.find(_EMPTY_LINE) + len(_EMPTY_LINE)
            if len(_EMPTY_LINE) <= end <= self._limits.head_bytes and data[0] != _CR:
                self._behind = data[end:]
                return self._read_head(data[:end])
        self._buffer += data
        return self._read_buffer()

    def _read_buffer(self) -> RequestHead | None:
        buffer = self._buffer
        if not self._searched:
            self._skip_empty_lines()
        end = buffer.find(_EMPTY_LINE, self._searched) + len(_EMPTY_LINE)
        most = self._limits.head_bytes - self._skipped
        if len(_EMPTY_LINE) <= end <= most:
            head = bytes(buffer[:end])
            del buffer[:end]
            self._searched = self._skipped = 0
            self._line_read = False
            return self._read_head(head)
        self._require_promise(most)
        self._searched = max(0, len(buffer) - len(_EMPTY_LINE) + 1)
        return None

    def _skip_empty_lines(self) -> None:
        """Skip what old clients send behind a body (RFC 9112 section 2.2)."""
        size = 0
        while self._buffer.startswith(b"\r\n", size):
            size += 2
        if size:
            del self._buffer[:size]
            self._skipped += size

    def _require_promise(self, most: int) -> None:
        """Refuse a head that is not whole, as soon as it cannot become one any more."""
        try:
            require_promise(self._buffer, self._searched, most, self._limits)
            if not self._line_read:
                end = self._buffer.find(_LINE_END, max(0, self._searched - 1)) + len(_LINE_END)
                if end >= len(_LINE_END):
                    parse_line(bytes(self._buffer[:end]), self._limits)
                    self._line_read = True
        except MalformedError as error:
            raise self._refuse(error) from None

    def _read_head(self, raw: bytes) -> RequestHead:
        try:
            head = parse_head(raw, self._limits)
        except MalformedError as error:
            raise self._refuse(error) from None
        block = head.block
        if block.chunked:
            self._chunks = ChunkReader(self._limits.head_bytes)
            self.state = _CHUNKED
        elif block.length:
            self._left = block.length
            self.state = _LENGTH
        else:
            self.state = _DONE
        return head

    def _refuse(self, error: MalformedError) -> MalformedError:
        self.state = _REFUSED
        self._refusal = error
        self._take()
        self._chunks = self._sink = None
        return error

    def _take(self) -> bytes:
        """Take what is held."""
        data = self._behind + self._buffer
        self._behind = b""
        self._buffer.clear()
        return data

    # The body

    def _feed_body(self, data: bytes) -> None:
        if self.state is _LENGTH:
            size = self._left
            if len(data) < size:
                self._left = size - len(data)
                self._pass_on(data)
                return
            body, end = data[:size], size
        elif self._chunks is not None:
            try:
                body, taken = self._chunks.feed(data)
            except MalformedError as error:
                raise self._refuse(error) from None
            if taken is None:
                self._pass_on(body)
                return
            end = taken
        else:
            raise self._ended()
        self._behind = data[end:]
        self._end_body(body)

    def _pass_on(self, body: bytes) -> None:
        if body and self._sink is not None:
            self._sink.body(body)

    def _end_body(self, body: bytes) -> None:
        self._pass_on(body)
        sink, self._sink, self._chunks = self._sink, None, None
        self.state = _DONE
        if sink is not None:
            sink.body_end()

    def _ended(self) -> Exception:
        return self._refusal or RuntimeError(f"no bytes are read in the state {self.state.name}")
