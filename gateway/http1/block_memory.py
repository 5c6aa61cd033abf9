"""What header blocks meant that came before: equal bytes have an equal meaning, so they are read once.

What others make of a block hangs on its Headers, and may depend on the peer that sent it and on the scheme: blocks are
shared among the connections of one peer and scheme alone. Behind another proxy callers take turns on connections, and
find their own block again on any of them. What names a request or its trace differs each time and is nobody's meaning:
it is taken out before blocks are compared, and read every time. Nothing that may change is remembered here: whose
session it is, whether that counts, and limits are looked at anew.
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

_MARKS = 1 << 13
"""Places that note a first arrival; cleared when half of them are taken, so that hardly two blocks share one."""

_LONGEST_LINE = 512
"""Bytes: a head with a longer request line is read each time."""


class NamingFields(msgspec.Struct, frozen=True, gc=False):
    """The values of the fields that name a request (X-Request-Id) and its trace (W3C Trace Context), as received."""

    traceparent: tuple[bytes, ...] = ()
    tracestate: tuple[bytes, ...] = ()
    request_id: tuple[bytes, ...] = ()


NO_NAMES = NamingFields()


class _Entry(Generic[Head]):
    """A remembered block, and the last head that had it; empty once it is forgotten."""

    __slots__ = ("block", "cost", "head", "raw", "raw_head")

    def __init__(self, raw: bytes = b"", block: HeaderBlock | None = None) -> None:
        self.raw = raw
        self.block = block
        self.cost = 9 * len(raw) + _MADE_OF_IT
        self.raw_head = b""
        self.head: Head | None = None

    def forget(self) -> None:
        """Let go of everything, whoever still points here."""
        self.raw = self.raw_head = b""
        self.block = self.head = None


class SharedBlocks(Generic[Head]):
    """The blocks that the connections of a process remember: at most `most` bytes, with all that is made of them.

    One that nobody sends between two calls of `turn` is forgotten at the next, and so is the older half whenever the
    younger one is full.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._young: dict[tuple[str, bytes], _Entry[Head]] = {}
        self._old: dict[tuple[str, bytes], _Entry[Head]] = {}
        self._young_bytes = 0
        self._marks = bytearray(_MARKS)
        self._marked = 0

    def __len__(self) -> int:
        """Return how many blocks are remembered."""
        return len(self._young) + len(self._old)

    def find(self, key: tuple[str, bytes]) -> _Entry[Head] | None:
        """Return what is remembered of a block, by its connection's scope and its bytes."""
        entry = self._young.get(key)
        if entry is None and (entry := self._old.pop(key, None)) is not None:
            self._put(key, entry)
        return entry

    def admit(self, key: tuple[str, bytes], block: HeaderBlock) -> _Entry[Head] | None:
        """Remember a block, if it came before within a while."""
        mark = hash(key) % _MARKS
        if not self._marks[mark]:
            self._mark(mark)
            return None
        entry: _Entry[Head] = _Entry(key[1], block)
        if len(entry.raw) > _LONGEST or 2 * entry.cost > self.most:
            return None
        self._put(key, entry)
        return entry

    def turn(self) -> None:
        """Forget what was not sent since the turn before this one."""
        for entry in self._old.values():
            entry.forget()
        self._old, self._young, self._young_bytes = self._young, {}, 0

    def _put(self, key: tuple[str, bytes], entry: _Entry[Head]) -> None:
        if 2 * (self._young_bytes + entry.cost) > self.most:
            self.turn()
        self._young[key] = entry
        self._young_bytes += entry.cost

    def _mark(self, mark: int) -> None:
        if 2 * self._marked > _MARKS:
            self._marks = bytearray(_MARKS)
            self._marked = 0
        self._marked += 1
        self._marks[mark] = 1


class BlockMemory(Generic[Head]):
    """One connection's way to what is remembered; `scope` names its peer and scheme."""

    __slots__ = ("_blocks", "_last", "scope")

    def __init__(self, blocks: SharedBlocks[Head]) -> None:
        self._blocks = blocks
        self._last: _Entry[Head] = _Entry()
        self.scope = ""

    def head(self, raw: bytes) -> Head | None:
        """Return the last head, if it has just these bytes."""
        last = self._last
        return last.head if raw == last.raw_head else None

    def keep_head(self, raw: bytes, head: Head, block: HeaderBlock) -> None:
        """Remember a head, if its block is remembered."""
        last = self._last
        if block is last.block and len(raw) <= len(last.raw) + _LONGEST_LINE:
            last.raw_head, last.head = raw, head

    def read(self, raw: bytes, most_fields: int, most_cookies: int = MOST_COOKIES) -> HeaderBlock:
        """Return what `raw` means; raises MalformedError as `read_block` does."""
        last = self._last
        entry = last if raw == last.raw else self._blocks.find((self.scope, raw))
        if entry is not None and (known := entry.block) is not None and len(known.headers.raw) <= most_fields:
            self._last = entry
            return known
        block = read_block(raw, most_fields, most_cookies)
        admitted = self._blocks.admit((self.scope, raw), block)
        if admitted is not None:
            self._last = admitted
        return block


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
