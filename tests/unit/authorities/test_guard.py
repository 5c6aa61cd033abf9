from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.authorities.guard import Guard
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.resilience.breaker import Breaker
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import Clock, found

CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("sk_secret",), b"f" * 16)


class Scripted:
    """An authority that does what it is given."""

    name = "accounts"
    verdict_digest = b""
    memory_only = False

    def __init__(self, answer: Callable[[], Awaitable[Answer]]) -> None:
        self._answer = answer
        self.asked = 0

    async def look_up(self, credential: Credential) -> Answer:
        assert credential is CREDENTIAL
        self.asked += 1
        return await self._answer()

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        assert (credential, session_id) == (CREDENTIAL, "other")
        return found(2)

    async def close(self) -> None:
        return None


async def _never() -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


async def _raises() -> Answer:
    raise KeyError("surprise")


async def _down() -> Answer:
    return Unavailable("refused", 7)


async def _found() -> Answer:
    return found()


async def _rejected() -> Answer:
    return Rejected(Reason.GONE)


async def _not_mine() -> Answer:
    return None


def guard(authority: Scripted, clock: Clock | None = None, **options: Any) -> Guard:
    registry = CollectorRegistry()
    breaker = Breaker(clock or Clock(), failures=2)
    return Guard(authority, breaker, ResolutionMetrics(registry), **options)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(_found, found()), (_rejected, Rejected(Reason.GONE)), (_not_mine, None), (_down, Unavailable("refused", 7))],
)
async def test_answers_come_through_unchanged(answer: Callable[[], Awaitable[Answer]], expected: Answer) -> None:
    assert await guard(Scripted(answer)).look_up(CREDENTIAL) == expected


@pytest.mark.parametrize("answer", [_never, _raises], ids=["hangs", "raises"])
async def test_a_fault_is_unavailable_and_never_an_allow(answer: Callable[[], Awaitable[Answer]]) -> None:
    with capture_logs() as lines:
        told = await guard(Scripted(answer), deadline=0.01).look_up(CREDENTIAL)
    assert isinstance(told, Unavailable)
    assert "sk_secret" not in repr((told, lines))


@pytest.mark.parametrize("answer", [_never, _raises, _down], ids=["hangs", "raises", "says so"])
async def test_what_fails_again_and_again_is_given_up_and_tried_later(answer: Callable[[], Awaitable[Answer]]) -> None:
    clock = Clock()
    authority = Scripted(answer)
    guarded = guard(authority, clock, deadline=0.01)
    with capture_logs() as lines:
        for _ in range(5):
            assert isinstance(await guarded.look_up(CREDENTIAL), Unavailable)
    assert authority.asked == 2
    assert [line["event"] for line in lines].count("authority_given_up") == 1
    assert guarded.given_up
    clock.advance(1)
    authority._answer = _found
    assert await guarded.look_up(CREDENTIAL) == found()
    assert await guarded.look_up(CREDENTIAL) == found()
    assert not guarded.given_up


async def test_rejections_do_not_make_an_authority_seem_broken() -> None:
    authority = Scripted(_rejected)
    guarded = guard(authority)
    for _ in range(10):
        assert await guarded.look_up(CREDENTIAL) == Rejected(Reason.GONE)
    assert authority.asked == 10


async def test_no_more_than_so_many_look_ups_at_once() -> None:
    gate, most = asyncio.Event(), [0, 0]

    async def busy() -> Answer:
        most[0] += 1
        most[1] = max(most)
        await gate.wait()
        most[0] -= 1
        return found()

    guarded = guard(Scripted(busy), concurrency=3)
    asking = asyncio.gather(*(guarded.look_up(CREDENTIAL) for _ in range(10)))
    await asyncio.sleep(0)
    gate.set()
    assert await asking == [found()] * 10
    assert most == [0, 3]


async def test_who_finds_no_place_in_time_is_told_so() -> None:
    authority = Scripted(_never)
    guarded = guard(authority, concurrency=1, deadline=0.05)
    told = await asyncio.gather(guarded.look_up(CREDENTIAL), guarded.look_up(CREDENTIAL))
    assert all(isinstance(one, Unavailable) for one in told)
    assert authority.asked == 1


async def test_another_session_of_the_user_is_asked_for_as_well() -> None:
    assert await guard(Scripted(_found)).session_of(CREDENTIAL, "other") == found(2)


async def test_how_long_it_took_is_measured_by_outcome() -> None:
    registry = CollectorRegistry()
    guarded = Guard(Scripted(_found), Breaker(Clock()), ResolutionMetrics(registry))
    await guarded.look_up(CREDENTIAL)
    labels = {"authority": "accounts", "outcome": "found"}
    assert registry.get_sample_value("gateway_authority_seconds_count", labels) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_found, "found"),
        (_rejected, "rejected"),
        (_not_mine, "not_mine"),
        (_down, "unavailable"),
        (_raises, "unavailable"),
        (_never, "unavailable"),
    ],
)
async def test_each_question_is_noted_with_what_came_of_it_and_when(
    answer: Callable[[], Awaitable[Answer]], outcome: str
) -> None:
    noted: list[tuple[str, float, float]] = []
    guarded = guard(Scripted(answer), deadline=0.01, noted=lambda *each: noted.append(each))
    before = monotonic()
    with capture_logs():
        await guarded.look_up(CREDENTIAL)
    ((told, began, ended),) = noted
    assert told == outcome
    assert before <= began <= ended <= monotonic()


async def test_an_authority_that_is_given_up_is_not_asked_and_nothing_is_noted() -> None:
    noted: list[tuple[str, float, float]] = []
    guarded = guard(Scripted(_down), noted=lambda *each: noted.append(each))
    with capture_logs():
        for _ in range(5):
            await guarded.look_up(CREDENTIAL)
    assert len(noted) == 2
