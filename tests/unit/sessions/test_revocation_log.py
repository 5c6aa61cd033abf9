from __future__ import annotations

from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus
from gateway.sessions.revocation_log import RevocationLog
from tests.support.fakes.sessions import NOW, Clock, found

A, B = b"a" * 16, b"b" * 16


def news(effect: Effect, *handles: bytes, life: float = 600) -> RevocationMessage:
    return RevocationMessage(Revocation(effect, NOW, life), handles)


def test_only_what_was_looked_up_before_is_touched_by_a_change() -> None:
    endings = RevocationLog(Clock())
    before = endings.version
    endings.hear(news(Effect.CHANGED, A))
    assert endings.status_of([A], found(), before) is RevocationStatus.CHANGED
    assert endings.status_of([B], found(), before) is RevocationStatus.NONE
    assert endings.status_of([A], found(), endings.version) is RevocationStatus.NONE
    assert not endings.untouched_since(before, [B, A])
    assert endings.untouched_since(before, [B])
    assert endings.untouched_since(endings.version, [A])


def test_a_revocation_touches_whenever_it_was_looked_up() -> None:
    endings = RevocationLog(Clock())
    endings.hear(news(Effect.ENDED, A))
    assert endings.status_of([A], found(), endings.version) is RevocationStatus.REVOKED


def test_a_change_does_not_undo_a_revocation() -> None:
    endings = RevocationLog(Clock())
    endings.hear(news(Effect.ENDED, A))
    endings.hear(news(Effect.CHANGED, A))
    assert endings.status_of([A], found(), endings.version) is RevocationStatus.REVOKED


def test_a_revocation_is_forgotten_when_its_life_is_over() -> None:
    clock = Clock()
    endings = RevocationLog(clock)
    endings.hear(news(Effect.ENDED, A, life=600))
    clock.advance(601)
    assert endings.status_of([A], found(), endings.version) is RevocationStatus.NONE
    endings.hear(news(Effect.CHANGED, B))
    assert len(endings) == 1


def test_a_change_after_a_revocation_has_lapsed_is_a_change() -> None:
    clock = Clock()
    endings = RevocationLog(clock)
    endings.hear(news(Effect.ENDED, B, life=6000))  # keeps the next one from being the oldest
    endings.hear(news(Effect.ENDED, A, life=600))
    clock.advance(700)
    before = endings.version
    endings.hear(news(Effect.CHANGED, A))
    assert endings.status_of([A], found(), before) is RevocationStatus.CHANGED


def test_distrust_reaches_back_and_not_ahead() -> None:
    endings = RevocationLog(Clock())
    before = endings.version
    endings.distrust()
    assert not endings.untouched_since(before, [A])
    assert endings.untouched_since(endings.version, [A])


def test_forgetting_for_want_of_room_costs_the_trust_in_what_is_kept() -> None:
    endings = RevocationLog(Clock(), limit=10)
    before = endings.version
    for number in range(11):
        endings.hear(news(Effect.CHANGED, bytes([number]) * 16))
    assert len(endings) == 10
    assert not endings.untouched_since(before, [B])


def test_news_and_hearing_anew_are_told() -> None:
    told: list[int] = []
    endings = RevocationLog(Clock(), lambda: told.append(1))
    endings.hear(news(Effect.CHANGED, A))
    endings.distrust()
    endings.hear_anew()
    assert len(told) == 2
