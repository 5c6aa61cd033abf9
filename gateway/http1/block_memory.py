"""What a caller's last header block meant: equal bytes have an equal meaning, so they are read once.

A block is remembered on its connection alone, and what others make of it hangs on its Headers. What names a request or
its trace differs each time and is nobody's meaning: it is taken out before blocks are compared, and read every time.
Nothing that may change is remembered here: whose session it is, whether that counts, and limits are looked at anew.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

import msgspec

from gateway.http1.header_block import MOST_COOKIES, HeaderBlock, read_block
from gateway.http1.malformed import malformed

Head = TypeVar("Head")

_TRACE = b"\r\ntrace"
_TRACEPARENT, _TRACESTATE, _REQUEST_ID = b"\r\ntraceparent:", b"\r\ntracestate:", b"\r\nx-request-id:"
_LINE_END = b"\r\n"
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_LONGEST = 4096
"""Bytes: a longer block is read each time."""

_MADE_OF_IT = 4096
"""Bytes that a remembered block costs besides nine times its own, with all that is made of it (measured)."""

_LONGEST_LINE = 512
"""Bytes: a head with a longer request line is read each time."""


class NamingFields(msgspec.Struct, frozen=True, gc=False):
    """The values of the fields that name a request (X-Request-Id) and its trace (W3C Trace Context), as received."""

    traceparent: tuple[bytes, ...] = ()
    tracestate: tuple[bytes, ...] = ()
    request_id: tuple[bytes, ...] = ()


NO_NAMES = NamingFields()


class MemoryBudget:
    """Bounds what all connections of a process remember, in bytes."""

    def __init__(self, most: int) -> None:
        self.left = most


class BlockMemory(Generic[Head]):
    """Remembers one connection's last block, once it has come twice, and the last head that had it."""

    __slots__ = ("_block", "_budget", "_cost", "_head", "_last_hash", "_raw", "_raw_head")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._raw = self._raw_head = b""
        self._block: HeaderBlock | None = None
        self._head: Head | None = None
        self._cost = 0
        self._last_hash = 0

    def head(self, raw: bytes) -> Head | None:
        """Return the remembered head if it has just these bytes."""
        return self._head if raw == self._raw_head else None

    def keep_head(self, raw: bytes, head: Head, block: HeaderBlock) -> None:
        """Remember a head, if its block is remembered."""
        if block is self._block and len(raw) <= len(self._raw) + _LONGEST_LINE:
            self._raw_head, self._head = raw, head

    def read(self, raw: bytes, most_fields: int, most_cookies: int = MOST_COOKIES) -> HeaderBlock:
        """Return what `raw` means; raises MalformedError as `read_block` does."""
        known = self._block
        if raw == self._raw and known is not None and len(known.headers.raw) <= most_fields:
            return known
        block = read_block(raw, most_fields, most_cookies)
        seen = hash(raw)
        if seen == self._last_hash:
            self._keep(raw, block)
        self._last_hash = seen
        return block

    def close(self) -> None:
        """Forget the block."""
        self._budget.left += self._cost
        self._cost, self._raw, self._block = 0, b"", None
        self._raw_head, self._head = b"", None

    def _keep(self, raw: bytes, block: HeaderBlock) -> None:
        self.close()
        cost = 9 * len(raw) + _MADE_OF_IT
        if len(raw) <= _LONGEST and cost <= self._budget.left:
            self._budget.left -= cost
            self._cost, self._raw, self._block = cost, raw, block


def take_names(raw: bytes) -> tuple[bytes, NamingFields, int]:
    """Return a block without its naming fields, those fields, and how many there were.

    `raw` begins with the line end before the block's first line. Raises MalformedError for a control character.
    """
    lower = raw.lower()
    if lower.find(_TRACE) < 0 and lower.find(_REQUEST_ID) < 0:
        return raw, NO_NAMES, 0
    cuts: list[tuple[int, int]] = []
    traceparent = _take(raw, lower, _TRACEPARENT, cuts)
    tracestate = _take(raw, lower, _TRACESTATE, cuts)
    names = NamingFields(traceparent, tracestate, _take(raw, lower, _REQUEST_ID, cuts))
    cuts.sort()
    kept, since = [], 0
    for place, end in cuts:
        kept.append(raw[since:place])
        since = end
    kept.append(raw[since:])
    return b"".join(kept), names, len(cuts)


def _take(raw: bytes, lower: bytes, name: bytes, cuts: list[tuple[int, int]]) -> tuple[bytes, ...]:
    """Return the values of one field, and note where its lines stand."""
    place = lower.find(name)
    if place < 0:
        return ()
    values = []
    while place >= 0:
        end = raw.index(_LINE_END, place + len(_LINE_END))
        value = raw[place + len(name) : end]
        if not _VALUE.fullmatch(value):
            raise malformed("a control character in a field")
        values.append(value.strip(b" \t"))
        cuts.append((place, end))
        place = lower.find(name, end)
    return tuple(values)
