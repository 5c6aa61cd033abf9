from __future__ import annotations

import pytest

from gateway.model.answers import Found
from gateway.model.session import Login, RevocationKind, RevocationTarget, Session
from gateway.sessions.revocation import (
    KEY_BYTES,
    Effect,
    Revocation,
    RevocationKeys,
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


@pytest.mark.parametrize(
    ("lasting", "later"),
    [
        (ENDED, Revocation(Effect.ENDED, NOW, 0)),
        (ENDED, Revocation(Effect.ENDED_BEFORE, NOW - 5, 600)),
        (BEFORE, Revocation(Effect.ENDED_BEFORE, NOW - 5, 600)),
        (BEFORE, Revocation(Effect.ENDED_BEFORE, NOW + 5, 0)),
        (BEFORE, Revocation(Effect.CHANGED, NOW, 0)),
    ],
    ids=["without a life", "of what was issued before", "of an earlier time", "of a later one, over", "a change"],
)
def test_no_later_message_weakens_a_revocation(lasting: Revocation, later: Revocation) -> None:
    clock = Clock()
    log = RevocationLog(clock)
    log.record(RevocationMessage(lasting, (A,)))
    log.record(RevocationMessage(later, (A,)))
    clock.advance(599)
    assert log.status_of((A,), found(issued_at=NOW - 1), log.version) is RevocationStatus.REVOKED


def test_of_two_revocations_the_graver_counts() -> None:
    log = RevocationLog(Clock())
    log.record(message(Effect.ENDED_BEFORE, A, B))
    log.record(RevocationMessage(Revocation(Effect.ENDED_BEFORE, NOW + 5, 600), (A,)))
    log.record(message(Effect.ENDED, B))
    assert log.status_of((A,), found(issued_at=NOW + 4), log.version) is RevocationStatus.REVOKED
    assert log.status_of((A,), found(issued_at=NOW + 9), log.version) is RevocationStatus.NONE
    assert log.status_of((B,), found(issued_at=NOW + 9), log.version) is RevocationStatus.REVOKED


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


FINGERPRINT = b"f" * 16


def test_a_session_carries_the_key_of_everything_that_can_end_it() -> None:
    keys = RevocationKeys([b"secret"])
    answer_keys = keys.of_answer(found(), [FINGERPRINT])
    for target in (
        RevocationTarget(RevocationKind.SESSION, "session-1"),
        RevocationTarget(RevocationKind.USER, "user-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
        RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
        RevocationTarget(RevocationKind.CREDENTIAL, FINGERPRINT.hex()),
    ):
        assert set(keys.of_target(target)) <= set(answer_keys)
    assert not set(keys.of_target(RevocationTarget(RevocationKind.USER, "user-2"))) & set(answer_keys)


def test_a_key_carries_its_own_and_its_members() -> None:
    keys = RevocationKeys([b"secret"])
    answer_keys = keys.of_answer(type(found())(key_session()), [FINGERPRINT])
    for target in (
        RevocationTarget(RevocationKind.API_KEY, "key-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
    ):
        assert set(keys.of_target(target)) <= set(answer_keys)


def test_an_id_of_one_kind_is_none_of_another() -> None:
    keys = RevocationKeys([b"secret"])
    assert keys.of_target(RevocationTarget(RevocationKind.USER, "1")) != keys.of_target(
        RevocationTarget(RevocationKind.ORGANIZATION, "1")
    )


def test_processes_meet_under_any_secret_that_they_share() -> None:
    target = RevocationTarget(RevocationKind.USER, "user-1")
    old, rotating, new = RevocationKeys([b"old"]), RevocationKeys([b"new", b"old"]), RevocationKeys([b"new"])
    assert set(old.of_target(target)) < set(rotating.of_target(target)) > set(new.of_target(target))
    assert not set(old.of_target(target)) & set(new.of_target(target))


def test_no_id_can_be_read_from_a_key() -> None:
    (key,) = RevocationKeys([b"secret"]).of_target(RevocationTarget(RevocationKind.USER, "user-1"))
    assert len(key) == KEY_BYTES
    assert b"user" not in key


@pytest.mark.parametrize("wrong", ["session-1", "abcd", ""])
def test_a_credential_is_named_by_its_fingerprint(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"hex|fingerprint"):
        RevocationKeys([b"secret"]).of_target(RevocationTarget(RevocationKind.CREDENTIAL, wrong))


def test_an_answer_of_before_a_change_is_looked_up_again_however_late_it_is_read() -> None:
    """As one that whoever writes to Redis has put back after the change."""
    clock = Clock()
    log = RevocationLog(clock)
    log.record(RevocationMessage(Revocation(Effect.CHANGED, NOW, 600.0), (b"k" * 16,)))
    clock.advance(10)
    statuses = [log.status_of([b"k" * 16], found(), log.version, age) for age in (5.0, 15.0)]
    assert statuses == [RevocationStatus.NONE, RevocationStatus.CHANGED]
