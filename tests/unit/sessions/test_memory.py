from __future__ import annotations

import math
import tracemalloc

from gateway.model.answers import Found, Reason, Rejected
from gateway.sessions.cache_entry import CacheEntry, encode
from gateway.sessions.memory import MemoryStore, NegativeCache, NegativeEntry
from gateway.sessions.revocation import Effect, Revocation, RevocationLog, RevocationMessage
from tests.support.fakes.sessions import NOW, Clock, found

KEY = b"h" * 16


def entry(revocation_log: RevocationLog, until: float = NOW + 600, answer: Found | None = None) -> CacheEntry:
    made = CacheEntry(encode(answer or found()), "accounts", [KEY], NOW, math.inf, revocation_log.version)
    made.until = until
    return made


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def record(revocation_log: RevocationLog, key: bytes = KEY) -> None:
    revocation_log.record(RevocationMessage(Revocation(Effect.CHANGED, NOW, 600), (key,)))


def test_what_is_put_is_got_until_its_own_end() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    assert store.put(name(1), entry(revocation_log, NOW + 30), NOW)
    assert store.get(name(2), NOW) is None
    assert store.get(name(1), NOW + 29.9) is not None
    assert store.get(name(1), NOW + 30) is None
    assert len(store) == 0


def test_it_is_bounded_and_keeps_what_is_used() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    for number in range(10):
        store.put(name(number), entry(revocation_log), NOW)
    for number in range(10, 100):
        assert store.get(name(3), NOW) is not None
        store.put(name(number), entry(revocation_log), NOW)
    assert len(store) == 10
    assert store.get(name(3), NOW) is not None


def test_it_is_bounded_when_everything_is_in_use() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(100, 1.0, revocation_log, Clock())
    for number in range(300):
        store.put(name(number), entry(revocation_log), NOW)
        for earlier in range(number):
            store.get(name(earlier), NOW)
    assert len(store) == 100


def test_a_revoked_entry_is_gone_and_others_stay() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    store.put(name(1), entry(revocation_log), NOW)
    record(revocation_log, b"other" + bytes(11))
    assert store.get(name(1), NOW) is not None
    record(revocation_log)
    assert store.get(name(1), NOW) is None


def test_a_revocation_heard_during_the_look_up_keeps_the_answer_out() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    looked_up = entry(revocation_log)
    record(revocation_log)
    assert not store.put(name(1), looked_up, NOW)
    assert store.get(name(1), NOW) is None


def test_while_nothing_is_heard_nothing_is_kept_long() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    store.put(name(1), entry(revocation_log), NOW)
    store.distrust_bus()
    assert len(store) == 0
    store.put(name(1), entry(revocation_log), NOW)
    assert store.get(name(1), NOW + 0.9) is not None
    assert store.get(name(1), NOW + 1) is None


def test_after_hearing_again_what_was_kept_or_looked_up_meanwhile_is_not_trusted() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, Clock())
    store.distrust_bus()
    store.put(name(1), entry(revocation_log), NOW)
    looked_up = entry(revocation_log)
    store.trust_bus()
    assert store.get(name(1), NOW) is None
    assert not store.put(name(1), looked_up, NOW)
    assert store.put(name(1), entry(revocation_log), NOW)
    assert store.get(name(1), NOW + 500) is not None


def test_no_entries_means_no_memory() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(0, 1.0, revocation_log, Clock())
    assert not store.put(name(1), entry(revocation_log), NOW)


def test_a_session_costs_at_most_two_kilobytes() -> None:
    revocation_log = RevocationLog(Clock())
    store = MemoryStore(100_000, 1.0, revocation_log, Clock())
    keys = [bytes([number]) * 16 for number in range(5)]
    answer = encode(found())
    tracemalloc.start()
    for number in range(5000):
        # copied as decoding a reply would: entries share nothing
        store.put(name(number), CacheEntry(bytes(bytearray(answer)), "accounts", keys, NOW + number, math.inf, 0), NOW)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 5000 < 2048


def test_a_rejection_is_remembered_with_its_reason_authority_and_time() -> None:
    clock = Clock()
    negative_cache = NegativeCache(clock, 5.0, 10)
    negative_cache.put(b"a", Rejected(Reason.EXPIRED), "accounts")
    assert negative_cache.get(b"a", NOW + 2) == NegativeEntry(Rejected(Reason.EXPIRED), "accounts", NOW, NOW + 5)
    assert negative_cache.get(b"b", NOW) is None
    assert negative_cache.get(b"a", NOW + 5) is None
    assert len(negative_cache) == 0


def test_the_oldest_goes_first_when_there_is_no_room() -> None:
    negative_cache = NegativeCache(Clock(), 5.0, 3)
    for key in (b"a", b"b", b"c", b"a", b"d"):
        negative_cache.put(key, Rejected(Reason.UNKNOWN), "accounts")
    assert [key for key in (b"a", b"b", b"c", b"d") if negative_cache.get(key, NOW)] == [b"a", b"c", b"d"]


def test_a_lifetime_of_nothing_remembers_nothing() -> None:
    negative_cache = NegativeCache(Clock(), 0.0, 3)
    negative_cache.put(b"a", Rejected(Reason.UNKNOWN), "accounts")
    assert negative_cache.get(b"a", NOW) is None


def test_a_clock_that_is_set_back_keeps_nothing_longer() -> None:
    """Ages are monotonic; what the issuer said is the wall clock's."""
    clock, revocation_log = Clock(), RevocationLog(Clock())
    store = MemoryStore(10, 1.0, revocation_log, clock)
    store.distrust_bus()
    kept = CacheEntry(encode(found()), "accounts", [KEY], 100.0, NOW + 30, revocation_log.version)
    assert store.put(b"t", kept, 100.0)
    clock.advance(-3600)
    assert store.get(b"t", 100.9) is kept
    assert store.get(b"t", 101.0) is None
    other = CacheEntry(encode(found()), "accounts", [KEY], 100.0, NOW + 30, revocation_log.version)
    assert store.put(b"t", other, 100.0)
    clock.now = NOW + 30
    assert store.get(b"t", 100.1) is None
