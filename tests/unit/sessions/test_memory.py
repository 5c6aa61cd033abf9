from __future__ import annotations

import tracemalloc

from gateway.model.answers import Found
from gateway.sessions.cache_entry import CacheEntry, encode
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage
from gateway.sessions.revocation_log import RevocationLog
from tests.support.fakes.sessions import NOW, Clock, found

HANDLE = b"h" * 16


def kept(endings: RevocationLog, until: float = NOW + 600, answer: Found | None = None) -> CacheEntry:
    one = CacheEntry(encode(answer or found()), "accounts", [HANDLE], NOW, endings.version)
    one.until = until
    return one


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def ended(endings: RevocationLog, handle: bytes = HANDLE) -> None:
    endings.hear(RevocationMessage(Revocation(Effect.CHANGED, NOW, 600), (handle,)))


def test_what_is_put_is_got_until_its_own_end() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    assert store.put(name(1), kept(endings, NOW + 30), NOW)
    assert store.get(name(2), NOW) is None
    assert store.get(name(1), NOW + 29.9) is not None
    assert store.get(name(1), NOW + 30) is None
    assert len(store) == 0


def test_it_is_bounded_and_keeps_what_is_used() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    for number in range(10):
        store.put(name(number), kept(endings), NOW)
    for number in range(10, 100):
        assert store.get(name(3), NOW) is not None
        store.put(name(number), kept(endings), NOW)
    assert len(store) == 10
    assert store.get(name(3), NOW) is not None


def test_it_is_bounded_when_everything_is_in_use() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(100, 1.0, endings)
    for number in range(300):
        store.put(name(number), kept(endings), NOW)
        for earlier in range(number):
            store.get(name(earlier), NOW)
    assert len(store) == 100


def test_a_revoked_entry_is_gone_and_others_stay() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    store.put(name(1), kept(endings), NOW)
    ended(endings, b"other" + bytes(11))
    assert store.get(name(1), NOW) is not None
    ended(endings)
    assert store.get(name(1), NOW) is None


def test_a_revocation_heard_during_the_look_up_keeps_the_answer_out() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    looked_up = kept(endings)
    ended(endings)
    assert not store.put(name(1), looked_up, NOW)
    assert store.get(name(1), NOW) is None


def test_while_nothing_is_heard_nothing_is_kept_long() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    store.put(name(1), kept(endings), NOW)
    store.cannot_hear()
    assert len(store) == 0
    store.put(name(1), kept(endings), NOW)
    assert store.get(name(1), NOW + 0.9) is not None
    assert store.get(name(1), NOW + 1) is None


def test_after_hearing_again_what_was_kept_or_looked_up_meanwhile_is_not_trusted() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(10, 1.0, endings)
    store.cannot_hear()
    store.put(name(1), kept(endings), NOW)
    looked_up = kept(endings)
    store.can_hear()
    assert store.get(name(1), NOW) is None
    assert not store.put(name(1), looked_up, NOW)
    assert store.put(name(1), kept(endings), NOW)
    assert store.get(name(1), NOW + 500) is not None


def test_no_entries_means_no_memory() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(0, 1.0, endings)
    assert not store.put(name(1), kept(endings), NOW)


def test_a_session_costs_at_most_two_kilobytes() -> None:
    endings = RevocationLog(Clock())
    store = MemoryStore(100_000, 1.0, endings)
    handles = [bytes([number]) * 16 for number in range(5)]
    answer = encode(found())
    tracemalloc.start()
    for number in range(5000):
        # copied as decoding a reply would: entries share nothing
        store.put(name(number), CacheEntry(bytes(bytearray(answer)), "accounts", handles, NOW + number, 0), NOW)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 5000 < 2048
