"""One chunked body of an upstream's out of bytes, and the exact place where it ends.

Not llhttp's: it refuses extensions that RFC 9112 section 7.1.1 allows (`5 ; a = b`), and sizes that are padded with
blanks, as old servers pad them to a fixed width. Neither is carried on: callers get the data in framing of our own.
"""

from __future__ import annotations

import re

from gateway.http1.chunk_budget import excused
from gateway.http1.faults import ExchangeError, Fault

_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
"""Sixteen digits are more than any disk; a longer one is an attempt at an overflow."""
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n")
_SIZE_BEGUN = re.compile(rb"[ \t]*(?:[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t -~\x80-\xff]*)?\r?)?")
_TRAILER_BEGUN = re.compile(rb"\r|[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[\t -~\x80-\xff]*\r?)?")
_DATA_END_BEGUN = re.compile(rb"\r")
_LOOKED_AT = 64
"""Bytes of a line that has not come whole: nonsense is told at once, as a rule, and a long line is not read again."""
_LINE_END = b"\r\n"


class ResponseChunks:
    """Reads one body; `framing_bytes` bounds the framing that its data has not excused (see chunk_budget).

    `complete` tells that its last byte came.
    """

    __slots__ = ("_budget", "_ends_data", "_framing_bytes", "_in_trailers", "_left", "_line", "complete")

    def __init__(self, framing_bytes: int) -> None:
        self._framing_bytes = self._budget = framing_bytes
        self._line = bytearray()
        self._left = 0
        self._ends_data = self._in_trailers = False
        self.complete = False

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """Return the body's pieces among `data`, and how many bytes of `data` are the body's, framing included.

        Raises ExchangeError (bad response).
        """
        pieces: list[bytes] = []
        place, size = 0, len(data)
        while place < size and not self.complete:
            if self._left:
                piece = data[place : place + self._left]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
                self._ends_data = not self._left
                self._budget = min(self._framing_bytes, self._budget + excused(len(piece)) - len(piece))
            else:
                place = self._read_line(data, place)
        return pieces, place

    def _read_line(self, data: bytes, place: int) -> int:
        """Take a line of framing, or what is there of it; return the place behind it."""
        end = data.find(b"\n", place) + 1
        line = data[place : end or len(data)]
        self._budget -= len(line)
        if self._budget < 0:
            raise _bad("the chunked framing is too long")
        if not end:
            is_looked_at = len(self._line) >= _LOOKED_AT
            self._line += line
            if not is_looked_at and not self._begun.fullmatch(self._line, 0, _LOOKED_AT):
                raise _bad("the chunked framing")
            return len(data)
        if self._line:
            line = bytes(self._line + line)
            self._line.clear()
        self._take(line)
        return end

    @property
    def _begun(self) -> re.Pattern[bytes]:
        """What the line that has begun may look like."""
        if self._ends_data:
            return _DATA_END_BEGUN
        return _TRAILER_BEGUN if self._in_trailers else _SIZE_BEGUN

    def _take(self, line: bytes) -> None:
        if self._ends_data:
            if line != _LINE_END:
                raise _bad("a chunk that does not end where it should")
            self._ends_data = False
        elif self._in_trailers:
            self.complete = line == _LINE_END
            if not self.complete and not _TRAILER.fullmatch(line):
                raise _bad("a trailer that is no field")
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise _bad("the size of a chunk")
            self._left = int(size[1], 16)
            self._in_trailers = not self._left


def _bad(detail: str) -> ExchangeError:
    return ExchangeError(Fault.BAD_RESPONSE, detail)
