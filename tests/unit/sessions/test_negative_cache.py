from __future__ import annotations

from gateway.model.answers import Reason, Rejected
from gateway.sessions.negative_cache import NegativeCache
from tests.support.fakes.sessions import NOW, Clock


def test_a_rejection_is_remembered_with_its_reason_and_age() -> None:
    clock = Clock()
    rejections = NegativeCache(clock, 5.0, 10)
    rejections.note(b"a", Rejected(Reason.EXPIRED), "accounts")
    assert rejections.get(b"a", NOW + 2) == (Rejected(Reason.EXPIRED), "accounts", 2.0)
    assert rejections.get(b"b", NOW) is None
    assert rejections.get(b"a", NOW + 5) is None
    assert len(rejections) == 0


def test_the_oldest_goes_first_when_there_is_no_room() -> None:
    rejections = NegativeCache(Clock(), 5.0, 3)
    for key in (b"a", b"b", b"c", b"a", b"d"):
        rejections.note(key, Rejected(Reason.UNKNOWN), "accounts")
    assert [key for key in (b"a", b"b", b"c", b"d") if rejections.get(key, NOW)] == [b"a", b"c", b"d"]


def test_a_lifetime_of_nothing_remembers_nothing() -> None:
    rejections = NegativeCache(Clock(), 0.0, 3)
    rejections.note(b"a", Rejected(Reason.UNKNOWN), "accounts")
    assert rejections.get(b"a", NOW) is None
