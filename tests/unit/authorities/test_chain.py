from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.authorities.chain import Chain, ChainAnswer, Guard
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.resilience.breaker import Breaker
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import Clock, found

CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("t",), b"f" * 16)


class Fixed:
    """An authority with one answer."""

    verdict_digest = b""

    def __init__(self, name: str, answer: Answer, *, memory_only: bool = False) -> None:
        self.name = name
        self.memory_only = memory_only
        self._answer = answer
        self.look_ups = 0

    async def look_up(self, _credential: Credential) -> Answer:
        self.look_ups += 1
        return self._answer

    async def session_of(self, _credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        return found(3) if session_id == "session-3" else Rejected(Reason.GONE)

    async def close(self) -> None:
        return None


def chain(*authorities: Fixed) -> Chain:
    metrics = ResolutionMetrics(CollectorRegistry())
    return Chain([Guard(authority, Breaker(Clock()), metrics) for authority in authorities])


@pytest.mark.parametrize("answer", [found(), Rejected(Reason.REVOKED), Unavailable("down")])
async def test_not_mine_goes_on_and_anything_else_ends_the_list(answer: Found | Rejected | Unavailable) -> None:
    first, second, third = Fixed("first", None), Fixed("second", answer, memory_only=True), Fixed("third", found(9))
    assert await chain(first, second, third).look_up(CREDENTIAL) == ChainAnswer(answer, "second", memory_only=True)
    assert (first.look_ups, second.look_ups, third.look_ups) == (1, 1, 0)


async def test_what_nobody_claims_is_unknown() -> None:
    assert await chain(Fixed("first", None), Fixed("second", None)).look_up(CREDENTIAL) == ChainAnswer(
        Rejected(Reason.UNKNOWN)
    )


def test_a_list_stays_in_memory_when_all_of_it_does() -> None:
    tokens, accounts = Fixed("tokens", None, memory_only=True), Fixed("accounts", None)
    assert chain(tokens).memory_only
    assert not chain(tokens, accounts).memory_only


async def test_another_session_is_asked_of_the_authority_that_knew_the_credential() -> None:
    accounts = chain(Fixed("first", None), Fixed("accounts", found()))
    assert await accounts.session_of(CREDENTIAL, "session-3", "accounts") == found(3)
    assert await accounts.session_of(CREDENTIAL, "nobody's", "accounts") == Rejected(Reason.GONE)
    assert await accounts.session_of(CREDENTIAL, "session-3", "somebody else") == Rejected(Reason.GONE)


CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("sk_secret",), b"f" * 16)


class Scripted:
    """An authority that does what it is given."""

    name = "accounts"
    verdict_digest = b""
    memory_only = False

    def __init__(self, answer: Callable[[], Awaitable[Answer]]) -> None:
        self._answer = answer
        self.look_ups = 0

    async def look_up(self, credential: Credential) -> Answer:
        assert credential is CREDENTIAL
        self.look_ups += 1
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
        answer = await guard(Scripted(answer), deadline=0.01).look_up(CREDENTIAL)
    assert isinstance(answer, Unavailable)
    assert "sk_secret" not in repr((answer, lines))


@pytest.mark.parametrize("answer", [_never, _raises, _down], ids=["hangs", "raises", "says so"])
async def test_what_fails_again_and_again_is_given_up_and_tried_later(answer: Callable[[], Awaitable[Answer]]) -> None:
    clock = Clock()
    authority = Scripted(answer)
    guarded = guard(authority, clock, deadline=0.01)
    with capture_logs() as lines:
        for _ in range(5):
            assert isinstance(await guarded.look_up(CREDENTIAL), Unavailable)
    assert authority.look_ups == 2
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
    assert authority.look_ups == 10


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
    answers = await asyncio.gather(guarded.look_up(CREDENTIAL), guarded.look_up(CREDENTIAL))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert authority.look_ups == 1


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
    calls: list[tuple[str, float, float]] = []
    guarded = guard(Scripted(answer), deadline=0.01, on_call=lambda *each: calls.append(each))
    before = monotonic()
    with capture_logs():
        await guarded.look_up(CREDENTIAL)
    ((reported, began, ended),) = calls
    assert reported == outcome
    assert before <= began <= ended <= monotonic()


async def test_an_authority_that_is_given_up_is_not_asked_and_nothing_is_noted() -> None:
    calls: list[tuple[str, float, float]] = []
    guarded = guard(Scripted(_down), on_call=lambda *each: calls.append(each))
    with capture_logs():
        for _ in range(5):
            await guarded.look_up(CREDENTIAL)
    assert len(calls) == 2
