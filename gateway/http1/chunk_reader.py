"""One chunked body out of bytes, and the exact place where it ends."""

from __future__ import annotations

import httptools

from gateway.http1.chunk_budget import ChunkBudget
from gateway.http1.malformed import malformed

_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"\r\n\r\n"
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

        Raises MalformedError. The parser does not say where a message ends, but every chunked one ends with an empty
        line: it is fed up to each, and asked.
        """
        taken = self._parse(data)
        pieces = self._events.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._events.misplaced:
            raise malformed("a trailer that speaks of framing or routing")
        if not self._budget.covers(taken, len(body)):
            raise malformed("the chunked framing is too long")
        return body, taken if self._events.complete else None

    def _parse(self, data: bytes) -> int:
        taken = 0
        for end in self._line_ends(data):
            self._feed(data[taken:end])
            taken = end
            if self._events.complete:
                break
        return taken

    def _line_ends(self, data: bytes) -> list[int]:
        """Return the places behind the empty lines in `data`, and its end."""
        tail, self._tail = self._tail, (self._tail + data[-3:])[-3:]
        seam = (tail + data[:3]).find(_END)
        ends = [] if seam < 0 else [seam + len(_END) - len(tail)]
        place = data.find(_END)
        while place >= 0:
            ends.append(place + len(_END))
            place = data.find(_END, place + 2)
        if not ends or ends[-1] != len(data):
            ends.append(len(data))
        return ends

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise malformed(f"the chunked body: {error}") from None


class _ChunkEvents:
    """What the parser calls; it knows no parser, so that no circle is left for the garbage collector to find."""

    __slots__ = ("complete", "misplaced", "on_body", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self.complete = False
        self.misplaced = False

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 (the parser's name for it)
        if name.lower() in _NO_TRAILERS:
            self.misplaced = True

    def on_message_complete(self) -> None:
        self.complete = True
