"""The tier in this process: bounded, compact, and never a microsecond beyond what an entry itself allows."""

from __future__ import annotations

import math

from gateway.sessions.cache_entry import CacheEntry
from gateway.sessions.revocation_log import RevocationLog

_TURNS = 64
"""Entries that one eviction may spare: if all were used lately, a whole round would hold up the event loop."""


class MemoryStore:
    """Keeps up to `limit` answers by fingerprint and evicts those that were not used lately.

    Eviction is the clock algorithm: a hit only sets a flag, so that the hot path writes no list. While revocations
    cannot be heard, what is put lives `unheard` seconds.
    """

    def __init__(self, limit: int, unheard: float, endings: RevocationLog) -> None:
        self._limit = limit
        self._unheard = unheard
        self._endings = endings
        self._longest = math.inf
        self._entries: dict[bytes, CacheEntry] = {}

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._entries)

    def get(self, fingerprint: bytes, now: float) -> CacheEntry | None:
        """Return what is kept and still counts at `now` (epoch seconds)."""
        kept = self._entries.get(fingerprint)
        if kept is None:
            return None
        if now >= kept.until or (kept.seen != self._endings.version and not self._still_trusted(kept)):
            del self._entries[fingerprint]
            return None
        kept.used = True
        return kept

    def put(self, fingerprint: bytes, kept: CacheEntry, now: float) -> bool:
        """Keep an answer, unless a revocation was heard since its look-up began (`kept.seen`); tell whether it is."""
        if now >= kept.until or not self._still_trusted(kept):
            return False
        kept.until = min(kept.until, now + self._longest)
        if self._limit <= 0:
            return False
        if fingerprint not in self._entries:
            while len(self._entries) >= self._limit:
                self._evict_one()
        self._entries[fingerprint] = kept
        return True

    def drop(self, fingerprint: bytes) -> bool:
        """Forget one answer; tell whether there was one."""
        return self._entries.pop(fingerprint, None) is not None

    def cannot_hear(self) -> None:
        """Forget everything and keep nothing long: a revocation may go by unheard."""
        self._longest = self._unheard
        self.clear()

    def can_hear(self) -> None:
        """Forget everything once more, since a revocation may have gone by; from now on entries live as they say."""
        self._longest = math.inf
        self.clear()

    def clear(self) -> None:
        """Forget everything, and refuse what is being looked up meanwhile."""
        self._endings.distrust()
        self._entries.clear()

    def _still_trusted(self, kept: CacheEntry) -> bool:
        version = self._endings.version
        if kept.seen == version:
            return True
        if not self._endings.untouched_since(kept.seen, kept.handles):
            return False
        kept.seen = version
        return True

    def _evict_one(self) -> None:
        """Give what was used since its last turn another turn, and drop the first that was not."""
        entries = self._entries
        for _ in range(_TURNS):
            fingerprint = next(iter(entries))
            kept = entries.pop(fingerprint)
            if not kept.used:
                return
            kept.used = False
            entries[fingerprint] = kept
        del entries[next(iter(entries))]
