"""What is known without asking an authority: memory, the negative cache, the revocation log and the shared tier."""

from __future__ import annotations

from collections.abc import Callable
from random import random

import msgspec

from gateway.model.answers import Found, Rejected, Resolution, Tier
from gateway.model.credential import Credential
from gateway.sessions.cache_entry import CacheEntry, CacheKeys, CacheTimes, encode, ends_at
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.shared_tier import SharedEntry, SharedTier

_RETRY_AFTER = 1.0
"""Seconds that an unavailable authority is not asked again about a credential whose stale answer is served."""


class CacheTiers(msgspec.Struct, frozen=True):
    """Where answers and rejections are remembered: in this process, and beside other replicas."""

    memory: MemoryStore
    negative_cache: NegativeCache
    shared_tier: SharedTier


class SessionCache:
    """The tiers of one process and the times that its answers count.

    `clock` is in epoch seconds, for what issuers said, and `now` in monotonic ones, for ages; `chance` returns 0 to 1
    and scales the jitter.
    """

    def __init__(
        self,
        tiers: CacheTiers,
        keys: CacheKeys,
        times: CacheTimes,
        clock: Callable[[], float],
        *,
        now: Callable[[], float],
        chance: Callable[[], float] = random,
    ) -> None:
        self.memory = tiers.memory
        self.negative_cache = tiers.negative_cache
        self.shared_tier = tiers.shared_tier
        self.times = times
        self.clock = clock
        self.now = now
        self._keys = keys
        self._chance = chance

    @property
    def version(self) -> int:
        """The revocation log's version: read it before a look-up, and pass it on with the answer."""
        return self.memory.revocation_log.version

    def put(self, credential: Credential, shared_entry: SharedEntry, version: int) -> CacheEntry:
        """Cache in memory an answer whose look-up began at `version`, and return its entry."""
        now, found = self.now(), shared_entry.found
        keys = self._revocation_keys(credential, found)
        looked_up_at = now - shared_entry.age
        entry = CacheEntry(encode(found), shared_entry.authority, keys, looked_up_at, ends_at(found), version)
        fresh = self.times.fresh * (1 - self.times.jitter * self._chance())
        entry.fresh_until = entry.looked_up_at + fresh
        entry.aging_until = entry.looked_up_at + 2 * fresh
        entry.until = entry.looked_up_at + self.times.longest
        self.memory.put(credential.fingerprint, entry, now)
        return entry

    def reject(self, credential: Credential, rejected: Rejected, authority: str, age: float = 0.0) -> bool:
        """Remember a rejection of `age` seconds and forget the answer in memory; tell whether there was one."""
        self.negative_cache.put(credential.fingerprint, rejected, authority, age)
        return self.memory.drop(credential.fingerprint)

    def end_staleness(self, credential: Credential) -> None:
        """Serve what memory holds for no longer than without an outage."""
        entry = self.memory.get(credential.fingerprint, self.now())
        if entry is not None:
            entry.until = min(entry.until, entry.aging_until)

    def holds(self, credential: Credential) -> bool:
        """Tell whether memory has an answer about this credential, however old."""
        return self.memory.get(credential.fingerprint, self.now()) is not None

    def status_of(self, credential: Credential, found: Found, version: int, age: float = 0.0) -> RevocationStatus:
        """Return what the revocation log means for an answer whose look-up began at `version`, `age` seconds ago."""
        keys = self._revocation_keys(credential, found)
        return self.memory.revocation_log.status_of(keys, found, version, age)

    def lifetime(self, shared_entry: SharedEntry) -> float:
        """Return for how many seconds from now an answer may be cached anywhere; not above 0 for none."""
        return min(self.times.longest - shared_entry.age, ends_at(shared_entry.found) - self.clock())

    def stale_if_error(
        self, credential: Credential, shared_entry: SharedEntry | None, version: int
    ) -> Resolution | None:
        """Return the youngest answer that may be served while the authority is unavailable (RFC 5861 section 4).

        `shared_entry` is what the shared tier held when the log was at `version`.
        """
        now = self.now()
        entry, tier = self.memory.get(credential.fingerprint, now), Tier.MEMORY
        if shared_entry is not None and (entry is None or now - entry.looked_up_at > shared_entry.age):
            if self.status_of(credential, shared_entry.found, version, shared_entry.age) is not RevocationStatus.NONE:
                return None
            entry, tier = self.put(credential, shared_entry, version), Tier.REDIS
        if entry is None or self.clock() >= entry.ends_at or now - entry.looked_up_at >= self.times.stale:
            return None
        entry.retry_at = now + _RETRY_AFTER
        age = max(0.0, now - entry.looked_up_at)
        return Resolution(answer=entry.found(), tier=tier, age=age, stale=True, authority=entry.authority)

    def _revocation_keys(self, credential: Credential, found: Found) -> tuple[bytes, ...]:
        return self._keys.revocation_keys.of_answer(found, self._keys.fingerprints(credential))
