from __future__ import annotations

import pytest

from gateway.model.answers import Found
from gateway.model.session import Login, RevocationKind, Session
from gateway.sessions.revocation import (
    Effect,
    Revocation,
    RevocationLog,
    RevocationMessage,
    RevocationStatus,
    effect_of,
    revokes,
    status_of,
)
from tests.support.fakes.sessions import NOW, Clock, found, instant, key_session

CHANGED = Revocation(Effect.CHANGED, NOW, 600)
ENDED = Revocation(Effect.ENDED, NOW, 600)
BEFORE = Revocation(Effect.ENDED_BEFORE, NOW, 600)


@pytest.mark.parametrize(
    ("revocation", "answer", "revoked"),
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
def test_what_a_revocation_revokes(revocation: Revocation, answer: Found, *, revoked: bool) -> None:
    assert revokes(revocation, answer) is revoked


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


A, B = b"a" * 16, b"b" * 16


def message(effect: Effect, *keys: bytes, life: float = 600) -> RevocationMessage:
    return RevocationMessage(Revocation(effect, NOW, life), keys)


def test_only_what_was_looked_up_before_is_touched_by_a_change() -> None:
    revocation_log = RevocationLog(Clock())
    before = revocation_log.version
    revocation_log.record(message(Effect.CHANGED, A))
    assert revocation_log.status_of([A], found(), before) is RevocationStatus.CHANGED
    assert revocation_log.status_of([B], found(), before) is RevocationStatus.NONE
    assert revocation_log.status_of([A], found(), revocation_log.version) is RevocationStatus.NONE
    assert not revocation_log.untouched_since(before, [B, A])
    assert revocation_log.untouched_since(before, [B])
    assert revocation_log.untouched_since(revocation_log.version, [A])


def test_a_revocation_touches_whenever_it_was_looked_up() -> None:
    revocation_log = RevocationLog(Clock())
    revocation_log.record(message(Effect.ENDED, A))
    assert revocation_log.status_of([A], found(), revocation_log.version) is RevocationStatus.REVOKED


def test_a_change_does_not_undo_a_revocation() -> None:
    revocation_log = RevocationLog(Clock())
    revocation_log.record(message(Effect.ENDED, A))
    revocation_log.record(message(Effect.CHANGED, A))
    assert revocation_log.status_of([A], found(), revocation_log.version) is RevocationStatus.REVOKED


def test_a_revocation_is_forgotten_when_its_life_is_over() -> None:
    clock = Clock()
    revocation_log = RevocationLog(clock)
    revocation_log.record(message(Effect.ENDED, A, life=600))
    clock.advance(601)
    assert revocation_log.status_of([A], found(), revocation_log.version) is RevocationStatus.NONE
    revocation_log.record(message(Effect.CHANGED, B))
    assert len(revocation_log) == 1


def test_a_change_after_a_revocation_has_lapsed_is_a_change() -> None:
    clock = Clock()
    revocation_log = RevocationLog(clock)
    revocation_log.record(message(Effect.ENDED, B, life=6000))  # keeps the next one from being the oldest
    revocation_log.record(message(Effect.ENDED, A, life=600))
    clock.advance(700)
    before = revocation_log.version
    revocation_log.record(message(Effect.CHANGED, A))
    assert revocation_log.status_of([A], found(), before) is RevocationStatus.CHANGED


def test_distrust_reaches_back_and_not_ahead() -> None:
    revocation_log = RevocationLog(Clock())
    before = revocation_log.version
    revocation_log.distrust()
    assert not revocation_log.untouched_since(before, [A])
    assert revocation_log.untouched_since(revocation_log.version, [A])


def test_forgetting_for_want_of_room_costs_the_trust_in_what_is_kept() -> None:
    revocation_log = RevocationLog(Clock(), limit=10)
    before = revocation_log.version
    for number in range(11):
        revocation_log.record(message(Effect.CHANGED, bytes([number]) * 16))
    assert len(revocation_log) == 10
    assert not revocation_log.untouched_since(before, [B])


def test_a_message_and_a_gap_are_announced() -> None:
    calls: list[int] = []
    revocation_log = RevocationLog(Clock(), lambda: calls.append(1))
    revocation_log.record(message(Effect.CHANGED, A))
    revocation_log.distrust()
    revocation_log.record_gap()
    assert len(calls) == 2
