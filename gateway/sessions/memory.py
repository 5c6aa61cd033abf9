"""What this process remembers: sessions by fingerprint, and rejections in a store of their own."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from gateway.model.answers import Rejected
from gateway.sessions.cache_entry import CacheEntry
from gateway.sessions.revocation import RevocationLog

_SPARED = 64
"""Entries that one eviction may spare: if all were used lately, a whole round would hold up the event loop."""


class MemoryStore:
    """Holds up to `limit` answers by fingerprint and evicts those that were not used lately.

    Eviction is the clock algorithm: a hit only sets a flag, so that the hot path writes no list. The entries are an
    OrderedDict, because the first key of a dict is behind all that were deleted before it. While the revocation
    bus is down, an answer is kept `unheard` seconds at most. `clock` is in epoch seconds, for what issuers said.
    """

    def __init__(self, limit: int, unheard: float, revocation_log: RevocationLog, clock: Callable[[], float]) -> None:
        self.revocation_log = revocation_log
        self._clock = clock
        self._limit = limit
        self._unheard = unheard
        self._longest = math.inf
        self._entries: OrderedDict[bytes, CacheEntry] = OrderedDict()

    def __len__(self) -> int:
        """Return how many answers are cached."""
        return len(self._entries)

    def get(self, fingerprint: bytes, now: float) -> CacheEntry | None:
        """Return the entry if it still counts at `now` (monotonic seconds)."""
        entry = self._entries.get(fingerprint)
        if entry is None:
            return None
        if (
            now >= entry.until
            or self._clock() >= entry.ends_at
            or (entry.checked_version != self.revocation_log.version and not self._still_trusted(entry))
        ):
            del self._entries[fingerprint]
            return None
        entry.used = True
        return entry

    def put(self, fingerprint: bytes, entry: CacheEntry, now: float) -> bool:
        """Store an entry, unless a revocation arrived since its look-up began; tell whether it was stored.

        `now` is in monotonic seconds; the look-up began at the entry's `checked_version`.
        """
        if now >= entry.until or self._clock() >= entry.ends_at or not self._still_trusted(entry):
            return False
        entry.until = min(entry.until, now + self._longest)
        if self._limit <= 0:
            return False
        if fingerprint not in self._entries:
            while len(self._entries) >= self._limit:
                self._evict_one()
        self._entries[fingerprint] = entry
        return True

    def drop(self, fingerprint: bytes) -> bool:
        """Forget one answer; tell whether there was one."""
        return self._entries.pop(fingerprint, None) is not None

    def distrust_bus(self) -> None:
        """Forget everything and keep nothing long, because a revocation may be missed from now on."""
        self._longest = self._unheard
        self.clear()

    def trust_bus(self) -> None:
        """Forget everything once more, since a revocation may have been missed; then keep entries as long as usual."""
        self._longest = math.inf
        self.clear()

    def clear(self) -> None:
        """Forget everything, and refuse what is being looked up meanwhile."""
        self.revocation_log.distrust()
        self._entries.clear()

    def _still_trusted(self, entry: CacheEntry) -> bool:
        version = self.revocation_log.version
        if entry.checked_version == version:
            return True
        if not self.revocation_log.untouched_since(entry.checked_version, entry.revocation_keys):
            return False
        entry.checked_version = version
        return True

    def _evict_one(self) -> None:
        """Spare entries that were used since the last eviction passed them, and drop the first that was not."""
        entries = self._entries
        for _ in range(_SPARED):
            fingerprint, entry = entries.popitem(last=False)
            if not entry.used:
                return
            entry.used = False
            entries[fingerprint] = entry
        entries.popitem(last=False)


class NegativeEntry(msgspec.Struct, frozen=True):
    """A remembered rejection, the authority that gave it, and from when to when it counts, in monotonic seconds."""

    rejected: Rejected
    authority: str
    since: float
    until: float


class NegativeCache:
    """Remembers for `lifetime` seconds that a credential is no good, at most `limit` of them, oldest out first.

    It is apart from the sessions, and in Redis for the seconds of a claim alone, so that a flood of made-up keys evicts
    only other made-up keys. `now` is in monotonic seconds.
    """

    def __init__(self, now: Callable[[], float], lifetime: float, limit: int) -> None:
        self._now = now
        self._lifetime = lifetime
        self._limit = limit
        self._entries: OrderedDict[bytes, NegativeEntry] = OrderedDict()

    def __len__(self) -> int:
        """Return how many rejections are remembered."""
        return len(self._entries)

    def put(self, fingerprint: bytes, rejected: Rejected, authority: str, age: float = 0.0) -> None:
        """Remember one rejection, given `age` seconds ago."""
        if self._lifetime <= age or self._limit <= 0:
            return
        self._entries.pop(fingerprint, None)
        if len(self._entries) >= self._limit:
            self._entries.popitem(last=False)
        now = self._now()
        self._entries[fingerprint] = NegativeEntry(rejected, authority, now - age, now - age + self._lifetime)

    def get(self, fingerprint: bytes, now: float) -> NegativeEntry | None:
        """Return the rejection if it is remembered and still counts at `now` (monotonic seconds)."""
        entry = self._entries.get(fingerprint)
        if entry is None:
            return None
        if now >= entry.until:
            del self._entries[fingerprint]
            return None
        return entry
