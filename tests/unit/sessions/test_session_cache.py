from __future__ import annotations

import pytest

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Reason, Rejected, Tier
from gateway.model.credential import Credential, CredentialKind
from gateway.sessions.cache_entry import CacheKeys, CacheTimes
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.revocation import (
    Effect,
    Revocation,
    RevocationKeys,
    RevocationLog,
    RevocationMessage,
    RevocationStatus,
)
from gateway.sessions.session_cache import CacheTiers, SessionCache
from gateway.sessions.shared_tier import NoSharedTier, SharedEntry
from tests.support.fakes.sessions import NOW, READER, SECRET, Clock, found

FINGERPRINTER = Fingerprinter([SECRET], READER, "", [b"digest"])
CREDENTIAL = Credential(READER, CredentialKind.BEARER, "", ("t",), FINGERPRINTER(("t",)))
KEYS = CacheKeys(RevocationKeys([SECRET]), {READER: FINGERPRINTER})


def session_cache(clock: Clock, chance: float = 0.0) -> SessionCache:
    memory = MemoryStore(10, 1.0, RevocationLog(clock), clock)
    negative_cache = NegativeCache(clock, 5.0, 10)
    tiers = CacheTiers(memory, negative_cache, NoSharedTier())
    return SessionCache(tiers, KEYS, CacheTimes(), clock, now=clock, chance=lambda: chance)


def entry(age: float = 0.0, expires_at: float | None = None) -> SharedEntry:
    return SharedEntry(found(expires_at=expires_at), "accounts", age)


@pytest.mark.parametrize(("chance", "fresh"), [(0.0, 60.0), (1.0, 54.0)])
def test_times_count_from_the_look_up_and_jitter_shortens_them(chance: float, fresh: float) -> None:
    cache = session_cache(Clock(), chance)
    cached = cache.put(CREDENTIAL, entry(age=10.0), cache.version)
    assert cached.looked_up_at == NOW - 10
    assert (cached.fresh_until, cached.aging_until) == (NOW - 10 + fresh, NOW - 10 + 2 * fresh)
    assert cached.until == NOW + 590


def test_nothing_is_cached_longer_than_it_counts() -> None:
    cache = session_cache(Clock())
    assert cache.put(CREDENTIAL, entry(expires_at=NOW + 5), cache.version).ends_at == NOW + 5
    assert [cache.lifetime(entry(10.0)), cache.lifetime(entry(10.0, NOW + 5))] == [590.0, 5.0]


def test_a_rejection_replaces_the_session_in_memory() -> None:
    cache = session_cache(Clock())
    assert not cache.reject(CREDENTIAL, Rejected(Reason.GONE), "accounts")
    cache.put(CREDENTIAL, entry(), cache.version)
    assert cache.reject(CREDENTIAL, Rejected(Reason.GONE), "accounts")
    assert cache.memory.get(CREDENTIAL.fingerprint, NOW) is None


def test_a_change_touches_what_was_looked_up_before_it() -> None:
    cache = session_cache(Clock())
    before = cache.version
    keys = KEYS.revocation_keys.of_answer(found(), [])
    cache.memory.revocation_log.record(RevocationMessage(Revocation(Effect.CHANGED, NOW, 600.0), keys))
    assert cache.status_of(CREDENTIAL, found(), before) is RevocationStatus.CHANGED
    assert cache.status_of(CREDENTIAL, found(), cache.version) is RevocationStatus.NONE


@pytest.mark.parametrize(("shared_age", "tier"), [(None, Tier.MEMORY), (500.0, Tier.MEMORY), (100.0, Tier.REDIS)])
def test_the_younger_of_both_tiers_is_served_while_the_authority_is_unavailable(
    shared_age: float | None, tier: Tier
) -> None:
    clock = Clock()
    cache = session_cache(clock)
    cache.put(CREDENTIAL, entry(), cache.version)
    clock.advance(300)
    shared_entry = None if shared_age is None else entry(shared_age)
    resolution = cache.stale_if_error(CREDENTIAL, shared_entry, cache.version)
    assert resolution is not None
    assert (resolution.tier, resolution.stale) == (tier, True)
    assert resolution.age == min(300.0, shared_age or 300.0)


def test_nothing_is_served_stale_that_is_too_old_or_unknown() -> None:
    clock = Clock()
    cache = session_cache(clock)
    assert cache.stale_if_error(CREDENTIAL, None, cache.version) is None
    cache.put(CREDENTIAL, entry(), cache.version)
    clock.advance(600)
    assert cache.stale_if_error(CREDENTIAL, None, cache.version) is None
    assert cache.stale_if_error(CREDENTIAL, entry(600.0), cache.version) is None
