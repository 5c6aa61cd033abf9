from __future__ import annotations

import pytest

from gateway.model.answers import Found
from gateway.model.revocation_target import RevocationKind
from gateway.model.session import Login, Session
from gateway.sessions.revocation import Effect, Revocation, RevocationStatus, effect_of, revokes, status_of
from tests.support.fakes.sessions import NOW, found, instant, key_session

CHANGED = Revocation(Effect.CHANGED, NOW, 600)
ENDED = Revocation(Effect.ENDED, NOW, 600)
BEFORE = Revocation(Effect.ENDED_BEFORE, NOW, 600)


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
def test_what_an_ending_revokes(ending: Revocation, answer: Found, *, revoked: bool) -> None:
    assert revokes(ending, answer) is revoked


def test_the_gravest_touch_counts() -> None:
    assert status_of([], found()) is RevocationStatus.NONE
    assert status_of([(CHANGED, False)], found()) is RevocationStatus.NONE
    assert status_of([(CHANGED, False), (CHANGED, True)], found()) is RevocationStatus.CHANGED
    assert status_of([(CHANGED, True), (ENDED, False)], found()) is RevocationStatus.REVOKED
    assert status_of([(BEFORE, True)], found(issued_at=NOW + 5)) is RevocationStatus.CHANGED


def test_people_may_come_back_and_sessions_may_not() -> None:
    assert {kind: effect_of(kind) for kind in RevocationKind} == {
        RevocationKind.SESSION: Effect.ENDED,
        RevocationKind.API_KEY: Effect.ENDED,
        RevocationKind.CREDENTIAL: Effect.ENDED,
        RevocationKind.USER: Effect.ENDED_BEFORE,
        RevocationKind.ORGANIZATION: Effect.ENDED_BEFORE,
    }
