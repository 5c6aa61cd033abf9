"""What a caller's last header block meant: equal bytes have an equal meaning, so they are read once.

A block is remembered on its connection alone, and what others make of it hangs on its Headers. What names a request or
its trace differs each time and is nobody's meaning: it is taken out before blocks are compared, and read every time.
Nothing that may change is remembered here: whose session it is, whether that counts, and limits are looked at anew.
"""

from __future__ import annotations

import re

import msgspec

from gateway.http1.header_block import MOST_COOKIES, HeaderBlock, read_block
from gateway.http1.malformed import malformed

_NAMING = (b"\r\ntraceparent:", b"\r\ntracestate:", b"\r\nx-request-id:")
_LINE_END = b"\r\n"
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_LONGEST = 4096
"""Bytes: a longer block is read each time."""

_MADE_OF_IT = 4096
"""Bytes that a remembered block costs besides eight times its own, with all that is made of it (measured)."""


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


class BlockMemory:
    """Remembers one connection's last block, once it has come twice."""

    __slots__ = ("_block", "_budget", "_cost", "_last_hash", "_raw")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._raw = b""
        self._block: HeaderBlock | None = None
        self._cost = 0
        self._last_hash = 0

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

    def _keep(self, raw: bytes, block: HeaderBlock) -> None:
        self.close()
        cost = 8 * len(raw) + _MADE_OF_IT
        if len(raw) <= _LONGEST and cost <= self._budget.left:
            self._budget.left -= cost
            self._cost, self._raw, self._block = cost, raw, block


def take_names(raw: bytes) -> tuple[bytes, NamingFields, int]:
    """Return a block without its naming fields, those fields, and how many there were.

    `raw` begins with the line end before the block's first line. Raises MalformedError for a control character.
    """
    lower = raw.lower()
    values: list[tuple[bytes, ...]] = []
    cuts: list[tuple[int, int]] = []
    for name in _NAMING:
        place = lower.find(name)
        if place < 0:
            values.append(())
            continue
        found = []
        while place >= 0:
            end = raw.index(_LINE_END, place + len(_LINE_END))
            found.append(_value(raw[place + len(name) : end]))
            cuts.append((place, end))
            place = lower.find(name, end)
        values.append(tuple(found))
    if not cuts:
        return raw, NO_NAMES, 0
    kept, since = [], 0
    for place, end in sorted(cuts):
        kept.append(raw[since:place])
        since = end
    kept.append(raw[since:])
    return b"".join(kept), NamingFields(*values), len(cuts)


def _value(raw: bytes) -> bytes:
    if not _VALUE.fullmatch(raw):
        raise malformed("a control character in a field")
    return raw.strip(b" \t")
