"""What a caller has sent and nobody has read yet: a head that is not whole, or what is held behind a request."""

from __future__ import annotations

import re
import sys

from gateway.http1.head_parser import PROXY_BEGINS, PROXY_HEADER, HeadLimits, parse_line, target_too_long
from gateway.http1.malformed import malformed
from gateway.model.errors import MalformedError
from gateway.model.refusal import RefusalCode, mistake

_CR = 13
_LINE_END = b"\r\n"
_EMPTY_LINE = b"\r\n\r\n"
_EMPTY_LINE_SIZE = len(_EMPTY_LINE)
_EMPTY_LINES = re.compile(rb"(?:\r\n)+")
_BEGUN_LINE = re.compile(rb"[^ ]+ ([^ ]*)")
_BROKEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)")
"""What no head holds: control characters, and a CR or LF alone. A head that comes in pieces ends at the first."""


_PROXYS = PROXY_BEGINS[1]


class HeadBuffer:
    """Cuts heads out of one connection's bytes, in a time that grows with the bytes alone, however they are cut.

    A head is everything up to and including its first empty line, and the empty lines before it, which old clients
    send behind a body, are skipped (RFC 9112 section 2.2); both count towards `limits.head_bytes`, which is exact.

    `behind` is what came behind a head or a body in one read; it stands before what was `collected` since.
    """

    __slots__ = ("_limits", "_line_read", "_searched", "_skipped", "behind", "collected")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self.behind = b""
        self.collected = bytearray()
        self._searched = 0
        self._skipped = 0
        self._line_read = False

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return len(self.behind) + len(self.collected)

    def hold(self, data: bytes) -> None:
        """Take bytes that nobody looks at yet."""
        if self.behind or self.collected:
            self.collected += data
        else:
            self.behind = data

    def take(self, most: int = sys.maxsize) -> bytes:
        """Hand over what is held, from the first byte, up to `most` bytes."""
        if len(self) > most:
            self._join()
            data = bytes(self.collected[:most])
            del self.collected[:most]
            return data
        data = self.behind + self.collected
        self.behind = b""
        self.collected.clear()
        return data

    def head(self, data: bytes) -> bytes | None:
        """Take more bytes, and cut off a head if it is whole.

        Raises MalformedError for one that is too long or broken, as soon as that is certain.
        """
        if not self.collected and not self._skipped and not self.behind:
            end = data.find(_EMPTY_LINE) + _EMPTY_LINE_SIZE
            if _EMPTY_LINE_SIZE <= end <= self._limits.head_bytes and data[0] != _CR:
                self.behind = data[end:]
                return data[:end]
        if self.behind:
            self._join()
        self.collected += data
        return self._cut_head() if self.collected else None

    def _join(self) -> None:
        self.collected[:0] = self.behind
        self.behind = b""

    def _cut_head(self) -> bytes | None:
        buffer = self.collected
        if not self._searched:
            self._skip_empty_lines()
        end = buffer.find(_EMPTY_LINE, self._searched) + _EMPTY_LINE_SIZE
        most = self._limits.head_bytes - self._skipped
        if _EMPTY_LINE_SIZE <= end <= most:
            head = bytes(buffer[:end])
            del buffer[:end]
            self._searched = self._skipped = 0
            self._line_read = False
            return head
        self._require_promise(most)
        self._searched = max(0, len(buffer) - _EMPTY_LINE_SIZE + 1)
        return None

    def _skip_empty_lines(self) -> None:
        lines = _EMPTY_LINES.match(self.collected)
        if lines is not None:
            size = lines.end()
            del lines  # it holds the buffer, which could not shrink
            del self.collected[:size]
            self._skipped += size

    def _require_promise(self, most: int) -> None:
        """Refuse a head that is not whole and cannot become one any more; `most` is how long it may be."""
        buffer, place = self.collected, max(0, self._searched - 1)
        if _BROKEN.search(buffer, place, most):
            is_proxys = self._skipped and _PROXYS.startswith(buffer[: len(_PROXYS)])
            raise malformed(PROXY_HEADER if is_proxys else "a control character, or half a line end, in the head")
        if not self._line_read and (end := buffer.find(_LINE_END, place, most)) >= 0:
            parse_line(bytes(buffer[: end + len(_LINE_END)]), self._limits)
            self._line_read = True
        if len(buffer) < most:
            return
        line = _BEGUN_LINE.match(buffer, 0, most)
        if not self._line_read and line is not None and line.end(1) - line.start(1) > self._limits.target_bytes:
            raise target_too_long()
        raise MalformedError(mistake(RefusalCode.HEAD_TOO_LARGE, "the head is larger than limits.head_bytes"))
