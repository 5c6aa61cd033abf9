"""One chunked body out of bytes, and the exact place where it ends."""

from __future__ import annotations

from functools import partial

import httptools

from gateway.http1.chunk_budget import ChunkBudget
from gateway.http1.malformed import malformed

_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
"""Behind a message that closes the connection the parser reads nothing more: what comes there is not its own."""
_EMPTY_LINE = b"\r\n\r\n"
_LINE_READ = b""
"""Stands among the pieces of a body where the parser has read the LF behind a chunk's size, behind its data, or behind
the last trailer."""
_NO_TRAILERS = frozenset(
    {b"connection", b"content-length", b"expect", b"host", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Fields of framing and routing, which no sender may put behind a body (RFC 9110 section 6.5.1)."""


class ChunkReader:
    """Reads one body in llhttp's strict mode; `framing_bytes` bounds what it brings besides data (see ChunkBudget).

    A parser of its own, primed with a head of ours: neither the request's head nor a trailer can change what the body
    means, and a trailer cannot become a field of the next request.
    """

    __slots__ = ("_budget", "_events", "_parser", "_tail")

    def __init__(self, framing_bytes: int) -> None:
        self._budget = ChunkBudget(framing_bytes)
        self._tail = b""
        self._events = _ChunkEvents()
        self._parser = httptools.HttpRequestParser(self._events)
        self._parser.feed_data(_HEAD)
        self._events.misplaced = False  # it was our own head

    def feed(self, data: bytes) -> tuple[bytes, int | None]:
        """Return the body's bytes among `data`, and how many bytes of `data` it took if it is complete.

        Raises MalformedError.
        """
        events = self._events
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if not events.complete:
                raise malformed("a chunk's size or line end cannot be read") from None
        if events.misplaced:
            raise malformed("a trailer that speaks of framing or routing")
        end = self._end(data) if events.complete else None
        body = events.take_body()
        if not self._budget.covers(len(data) if end is None else end, len(body)):
            raise malformed("the chunked framing is too long")
        self._tail = (self._tail + data[-3:])[-3:]
        return body, end

    def _end(self, data: bytes) -> int:
        """Return the place in `data` behind the body's end, which the parser has seen and does not tell.

        What it has seen in `data` is walked through once more: a line of framing ends with its only LF, for the parser
        takes no other. From where the last size ends, the first empty line ends the body.
        """
        place = 0
        lines = self._events.seen[:-1]
        for seen in lines:
            place = place + len(seen) if seen else data.index(b"\n", place) + 1
        before = len(self._tail)
        end = (self._tail + data).index(_EMPTY_LINE, place + before - 2 if lines else 0)
        return end + len(_EMPTY_LINE) - before


class _ChunkEvents:
    """What the parser calls; it knows no parser, so that no circle is left for the garbage collector to find."""

    __slots__ = ("complete", "misplaced", "on_body", "on_chunk_complete", "on_chunk_header", "seen")

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.on_body = self.seen.append
        self.on_chunk_header = self.on_chunk_complete = partial(self.seen.append, _LINE_READ)
        self.complete = False
        self.misplaced = False

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 (the parser's name for it)
        """Look at a trailer, which is dropped."""
        if name.lower() in _NO_TRAILERS:
            self.misplaced = True

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self.complete = True

    def take_body(self) -> bytes:
        """Return the pieces of the body that have come since the last time."""
        pieces = [piece for piece in self.seen if piece]
        self.seen.clear()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
