from __future__ import annotations

from gateway.model.memo import AdmissionMemo, SessionMemo
from gateway.model.session import Session


def twice(remembered: SessionMemo[int], session: Session, made: int) -> None:
    for _ in range(2):
        remembered.put(session, "route", made)


def test_who_comes_for_the_first_time_is_not_remembered() -> None:
    regulars: AdmissionMemo[str, str] = AdmissionMemo(most=100)
    regulars.put("key", "made", "name")
    assert regulars.get("key") is None
    regulars.put("key", "made", "name")
    assert regulars.get("key") == "made"


def test_strangers_push_nobody_out() -> None:
    regulars: AdmissionMemo[int, int] = AdmissionMemo(most=1000)
    for _ in range(2):
        regulars.put(-1, -1, -1)
    for stranger in range(500):
        regulars.put(stranger, stranger, stranger)
    assert regulars.get(-1) == -1
    assert not any(regulars.get(stranger) for stranger in range(500))


def test_whoever_came_long_ago_is_a_stranger_again() -> None:
    regulars: AdmissionMemo[int, int] = AdmissionMemo(most=100)
    for name in (-1, *range(150), -1):
        regulars.put(name, name, name)
    assert regulars.get(-1) is None


def test_an_equal_object_is_another_one() -> None:
    session, twin = Session(subject="u"), Session(subject="u")
    remembered: SessionMemo[int] = SessionMemo()
    twice(remembered, session, 1)
    assert remembered.get(session, "route") == 1
    assert remembered.get(session, "other route") is None
    assert session == twin
    assert remembered.get(twin, "route") is None


def test_an_object_that_is_let_go_leaves_nothing_to_the_next_one_in_its_place() -> None:
    remembered: SessionMemo[int] = SessionMemo()
    for number in range(100):
        session = Session(subject=str(number))
        assert remembered.get(session, "route") is None
        twice(remembered, session, number)
        del session


def test_it_does_not_grow_beyond_its_bound() -> None:
    remembered: SessionMemo[int] = SessionMemo(most=3)
    sessions = [Session(subject=str(number)) for number in range(100)]
    for number, session in enumerate(sessions):
        twice(remembered, session, number)
        assert remembered.get(session, "route") == number
    assert sum(remembered.get(session, "route") is not None for session in sessions) <= 3
