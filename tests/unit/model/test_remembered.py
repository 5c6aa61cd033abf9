from __future__ import annotations

from gateway.model.remembered import Remembered
from gateway.model.session import Session


def test_an_equal_object_is_another_one() -> None:
    session, twin = Session(subject="u"), Session(subject="u")
    remembered: Remembered[str] = Remembered()
    remembered.put(session, "route", "made")
    assert remembered.get(session, "route") == "made"
    assert remembered.get(session, "other route") is None
    assert session == twin
    assert remembered.get(twin, "route") is None


def test_an_object_that_is_let_go_leaves_nothing_to_the_next_one_in_its_place() -> None:
    remembered: Remembered[int] = Remembered()
    for number in range(100):
        session = Session(subject=str(number))
        assert remembered.get(session, "route") is None
        remembered.put(session, "route", number)
        del session


def test_it_does_not_grow_beyond_its_bound() -> None:
    remembered: Remembered[int] = Remembered(most=3)
    sessions = [Session(subject=str(number)) for number in range(100)]
    for number, session in enumerate(sessions):
        remembered.put(session, "route", number)
        assert remembered.get(session, "route") == number
    assert sum(remembered.get(session, "route") is not None for session in sessions) <= 3
