"""How much a chunked body may bring besides its data: sizes, extensions and trailers, which nobody here reads.

The parser drops them as they come, and no limit of size counts them: one chunk with an endless extension would keep a
connection busy for ever, past `body_bytes` and `body_stall` (CVE-2023-39326).
"""

from __future__ import annotations

from aiohttp.streams import StreamReader

_PER_BYTE = 18
"""Bytes of framing that a byte of data excuses. A chunk of one byte needs five; the number is that of Go's net/http."""


class ChunkFraming:
    """Weighs one chunked `body` by the read. `most` bounds what is left over, in bytes, when its data has excused some.

    Data is not credited in advance: a long body does not buy a long extension behind it.
    """

    __slots__ = ("_body", "_left_over", "_most", "_seen")

    def __init__(self, body: StreamReader, most: int) -> None:
        self._body = body
        self._most = most
        self._left_over = 0
        self._seen = 0

    def took(self, size: int, *, parsed_all: bool) -> bool:
        """Note that `size` bytes came; tell whether the framing is in bounds.

        `parsed_all` tells that the parser holds back nothing: what it holds back may be data.
        """
        self._left_over += size
        if not parsed_all:
            return True
        data = self._body.total_bytes - self._seen
        self._seen += data
        self._left_over = max(0, self._left_over - data * (1 + _PER_BYTE))
        return self._left_over <= self._most
