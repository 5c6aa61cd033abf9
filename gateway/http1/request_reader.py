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

from gateway.http1.block_memory import BlockMemory, SharedBlocks
from gateway.http1.chunk_reader import ChunkReader
from gateway.http1.head_buffer import HeadBuffer
from gateway.http1.head_parser import HeadLimits, RequestHead, parse_head
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal


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
_CR = 13
_IN_BODY = frozenset({_LENGTH, _CHUNKED})
_HOLDING = frozenset({_LENGTH, _CHUNKED, _DONE})


class BodySink(Protocol):
    """Takes one request's body as it arrives."""

    def body(self, data: bytes) -> None:
        """Take a piece of the body, without its framing."""

    def body_end(self) -> None:
        """Take it that the body is complete."""


class RequestReader:
    """Reads one connection's requests one after the other, held to `limits` exactly, however the bytes are cut.

    `state` tells where it stands. After a refusal every call that takes or asks for bytes raises it again. `blocks` is
    what all readers together remember of header blocks.
    """

    __slots__ = ("_buffer", "_chunks", "_left", "_limits", "_memory", "_refusal", "_seen", "_sink", "state")

    def __init__(self, limits: HeadLimits, blocks: SharedBlocks[RequestHead]) -> None:
        self._limits = limits
        self._memory = BlockMemory(blocks)
        self._buffer = HeadBuffer(limits)
        self._left = 0
        self._chunks: ChunkReader | None = None
        self._sink: BodySink | None = None
        self._refusal: Refusal | None = None
        self._seen = b""
        self.state = _HEAD

    @property
    def held(self) -> int:
        """The bytes held behind the request that is under way."""
        buffer = self._buffer
        return 0 if self.state is _HEAD else len(buffer.behind) + len(buffer.collected)

    @property
    def seen(self) -> bytes:
        """The bytes of a head that was refused, or that is not whole."""
        return self._seen or (bytes(self._buffer.collected) if self.state is _HEAD else b"")

    @property
    def begun(self) -> bool:
        """Whether bytes of a head have come and it is not whole; empty lines before a head are none.

        A CR alone begins an empty line, or nothing.
        """
        collected = self._buffer.collected
        return self.state is _HEAD and (len(collected) > 1 or (len(collected) == 1 and collected[0] != _CR))

    def feed(self, data: bytes) -> RequestHead | None:
        """Take bytes; return a head once it is whole.

        Raises MalformedError for what cannot be understood, once and for all.
        """
        if self.state is _HEAD:
            return self._read_head(data)
        if self._sink is not None:
            self._feed_body(data)
        elif self.state in _HOLDING:
            self._buffer.hold(data)
        else:
            raise self._ended()
        return None

    def start_body(self, sink: BodySink) -> None:
        """Say where the body of the head that was returned goes; what came with the head is handed on at once.

        Raises MalformedError as `feed` does.
        """
        if self.state not in _IN_BODY:
            raise self._ended()
        self._sink = sink
        data = self._buffer.take(self._left) if self.state is _LENGTH else self._buffer.take()
        if data:
            self._feed_body(data)

    def next(self) -> RequestHead | None:
        """Go on with what is held behind a request that is DONE; return the next head if it is whole."""
        if self.state is not _DONE:
            raise self._ended()
        self.state = _HEAD
        return self._read_head(b"") if self._buffer.behind or self._buffer.collected else None

    def upgrade(self) -> bytes:
        """Hand over the bytes behind the head: they are another protocol's."""
        if self.state is not _DONE:
            raise self._ended()
        self.state = _UPGRADED
        return self._buffer.take()

    def comes_from(self, peer: str, scheme: str) -> None:
        """Share what is remembered with the other connections of this peer and scheme."""
        self._memory.scope = f"{scheme} {peer}"

    # The head

    def _read_head(self, data: bytes) -> RequestHead | None:
        raw: bytes | None = None
        try:
            raw = self._buffer.head(data)
            if raw is None:
                return None
            head = parse_head(raw, self._limits, self._memory)
        except MalformedError as error:
            self._seen = bytes(self._buffer.collected) if raw is None else raw
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
        self._refusal = error.refusal  # not the error, which would hold this reader by its traceback
        self._buffer.take()
        self._chunks = self._sink = None
        return error

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
        self._buffer.hold(data[end:])
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
        if self._refusal is not None:
            return MalformedError(self._refusal)
        return RuntimeError(f"nothing to do in the state {self.state.name}")
