from __future__ import annotations

import pytest

from gateway.model.answers import Found
from gateway.model.revocation_target import EndedKind
from gateway.model.session import Login, Session
from gateway.sessions.revocation import Effect, Ending, Touch, effect_of, revokes, touch
from tests.support.sessions import NOW, found, instant, key_session

CHANGED = Ending(Effect.CHANGED, NOW, 600)
ENDED = Ending(Effect.ENDED, NOW, 600)
BEFORE = Ending(Effect.ENDED_BEFORE, NOW, 600)


@pytest.mark.parametrize(
    ("ending", "answer", "revoked"),
    [
        (CHANGED, found(), False),
        (ENDED, found(issued_at=NOW + 10), True),
        (BEFORE, found(), True),
        (BEFORE, found(issued_at=NOW - 1), True),
        (BEFORE, found(issued_at=NOW), True),
        (BEFORE, found(issued_at=NOW + 1), False),
        (BEFORE, Found(key_session(created_at=NOW - 1)), True),
        (BEFORE, Found(key_session(created_at=NOW + 1)), False),
        (BEFORE, Found(Session(subject="u", login=Login(at=instant(NOW + 1)))), False),
        (BEFORE, Found(Session(subject="u")), True),
    ],
    ids=[
        "a change revokes nothing",
        "what ended stays ended",
        "a session of before",
        "a token of before",
        "a token of the same second",
        "a token of after",
        "a key of before",
        "a key of after",
        "a login of after",
        "nobody knows since when",
    ],
)
def test_what_an_ending_revokes(ending: Ending, answer: Found, *, revoked: bool) -> None:
    assert revokes(ending, answer) is revoked


def test_the_gravest_touch_counts() -> None:
    assert touch([], found()) is Touch.NONE
    assert touch([(CHANGED, False)], found()) is Touch.NONE
    assert touch([(CHANGED, False), (CHANGED, True)], found()) is Touch.CHANGED
    assert touch([(CHANGED, True), (ENDED, False)], found()) is Touch.REVOKED
    assert touch([(BEFORE, True)], found(issued_at=NOW + 5)) is Touch.CHANGED


def test_people_may_come_back_and_sessions_may_not() -> None:
    assert {kind: effect_of(kind) for kind in EndedKind} == {
        EndedKind.SESSION: Effect.ENDED,
        EndedKind.API_KEY: Effect.ENDED,
        EndedKind.CREDENTIAL: Effect.ENDED,
        EndedKind.USER: Effect.ENDED_BEFORE,
        EndedKind.ORGANIZATION: Effect.ENDED_BEFORE,
    }
