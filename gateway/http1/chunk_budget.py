"""How much a chunked body may bring besides its data: sizes, extensions and trailers, which nobody here reads.

The parser drops them as they come, and no limit of size counts them: one chunk with an endless extension would keep a
connection busy for ever, past every limit of the body (CVE-2023-39326).
"""

from __future__ import annotations

_FRAMING_PER_BYTE = 18
"""Bytes of framing that a byte of data excuses. A chunk of one byte needs five; the number is that of Go's net/http."""


def excused(data: int) -> int:
    """Return how many bytes of a chunked body `data` bytes of data account for, themselves included."""
    return data * (1 + _FRAMING_PER_BYTE)


class ChunkBudget:
    """Weighs one chunked body by the read; `most` bounds the framing in bytes that its data has not excused.

    Data is not credited in advance: a long body does not buy a long extension behind it.
    """

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def covers(self, size: int, data: int) -> bool:
        """Note that `size` bytes came, of which `data` were the body's; tell whether the framing is in bounds."""
        self._left = min(self._most, self._left - size + excused(data))
        return self._left >= 0
