from __future__ import annotations

from gateway.model.route import LimitBy, RateLimit
from gateway.sessions.rejected_lookups import RejectedLookups
from tests.support.fakes.sessions import Clock

LIMIT = RateLimit(LimitBy.ADDRESS, 0.1, 3, shared=False)


def test_each_address_has_its_own_count_and_gets_one_back_after_another() -> None:
    clock = Clock()
    rejected_lookups = RejectedLookups(LIMIT, clock)
    for _ in range(3):
        assert rejected_lookups.wait("192.0.2.1") == 0
        rejected_lookups.count("192.0.2.1")
    assert [rejected_lookups.wait("192.0.2.1"), rejected_lookups.wait("192.0.2.2")] == [10, 0]
    clock.advance(10)
    assert rejected_lookups.wait("192.0.2.1") == 0


def test_a_site_of_ipv6_addresses_is_one() -> None:
    rejected_lookups = RejectedLookups(LIMIT, Clock())
    for number in range(3):
        rejected_lookups.count(f"2001:db8::{number}")
    assert rejected_lookups.wait("2001:db8::ffff") == 10


def test_without_a_limit_or_an_address_nothing_is_counted() -> None:
    without, limited = RejectedLookups(None, Clock()), RejectedLookups(LIMIT, Clock())
    for _ in range(10):
        without.count("192.0.2.1")
        limited.count("")
    assert [without.wait("192.0.2.1"), limited.wait("")] == [0, 0]
