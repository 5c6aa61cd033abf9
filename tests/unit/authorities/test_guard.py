"""What stands before an authority: three outcomes, and whose each is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.authorities.guard import Askable, Guard, GuardLimits, OnCall
from gateway.credentials.reader import UNREADABLE
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller, Places
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
        self.look_ups = 0
        self.asked: list[str] = []

    def disowns(self, credential: Credential) -> bool:
        return credential.parts[0] == "foreign"

    def unclaimed_because(self, _credential: Credential) -> str:
        return ""

    async def look_up(self, credential: Credential) -> Answer:
        assert credential.parts[0]
        self.look_ups += 1
        return await self._answer()

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        assert credential.parts[0]
        self.asked.append(session_id)
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


async def _odd() -> Answer:
    return Undecided("answered 431")


async def _found() -> Answer:
    return found()


async def _rejected() -> Answer:
    return Rejected(Reason.GONE)


async def _not_mine() -> Answer:
    return None


def guard(authority: Scripted, clock: Clock | None = None, on_call: OnCall | None = None, **options: Any) -> Guard:
    registry = CollectorRegistry()
    breaker = Breaker(clock or Clock(), failures=2)
    limits = GuardLimits(**{"askable": Askable(), "places": Places(64), **options})
    return Guard(authority, breaker, ResolutionMetrics(registry), limits, on_call)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(_found, found()), (_rejected, Rejected(Reason.GONE)), (_not_mine, None), (_down, Unavailable("refused", 7))],
)
async def test_answers_come_through_unchanged(answer: Callable[[], Awaitable[Answer]], expected: Answer) -> None:
    assert await guard(Scripted(answer)).look_up(CREDENTIAL, Caller()) == expected


@pytest.mark.parametrize("answer", [_never, _raises], ids=["hangs", "raises"])
async def test_a_fault_is_unavailable_and_never_an_allow(answer: Callable[[], Awaitable[Answer]]) -> None:
    with capture_logs() as lines:
        answer = await guard(Scripted(answer), deadline=0.01).look_up(CREDENTIAL, Caller())
    assert isinstance(answer, Unavailable)
    assert "sk_secret" not in repr((answer, lines))


@pytest.mark.parametrize("answer", [_never, _down], ids=["hangs", "says so"])
async def test_what_fails_again_and_again_is_given_up_and_tried_later(answer: Callable[[], Awaitable[Answer]]) -> None:
    clock = Clock()
    authority = Scripted(answer)
    guarded = guard(authority, clock, deadline=0.01)
    with capture_logs() as lines:
        for _ in range(5):
            assert isinstance(await guarded.look_up(CREDENTIAL, Caller()), Unavailable)
    assert authority.look_ups == 2
    assert [line["event"] for line in lines].count("authority_given_up") == 1
    assert guarded.given_up
    clock.advance(1)
    authority._answer = _found
    assert await guarded.look_up(CREDENTIAL, Caller()) == found()
    assert await guarded.look_up(CREDENTIAL, Caller()) == found()
    assert not guarded.given_up


async def test_rejections_do_not_make_an_authority_seem_broken() -> None:
    authority = Scripted(_rejected)
    guarded = guard(authority)
    for _ in range(10):
        assert await guarded.look_up(CREDENTIAL, Caller()) == Rejected(Reason.GONE)
    assert authority.look_ups == 10


async def test_no_more_than_so_many_look_ups_at_once() -> None:
    gate, most = asyncio.Event(), [0, 0]

    async def busy() -> Answer:
        most[0] += 1
        most[1] = max(most)
        await gate.wait()
        most[0] -= 1
        return found()

    guarded = guard(Scripted(busy), places=Places(3))
    asking = asyncio.gather(*(guarded.look_up(CREDENTIAL, Caller()) for _ in range(10)))
    await asyncio.sleep(0)
    gate.set()
    assert await asking == [found()] * 10
    assert most == [0, 3]


async def test_who_finds_no_place_in_time_is_told_so() -> None:
    authority = Scripted(_never)
    guarded = guard(authority, places=Places(1), deadline=0.2, patience=0.05)
    answers = await asyncio.gather(guarded.look_up(CREDENTIAL, Caller()), guarded.look_up(CREDENTIAL, Caller()))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert authority.look_ups == 1


async def test_another_session_of_the_user_is_asked_for_as_well() -> None:
    assert await guard(Scripted(_found)).session_of(CREDENTIAL, "other", Caller()) == found(2)


async def test_how_long_it_took_is_measured_by_outcome() -> None:
    registry = CollectorRegistry()
    guarded = Guard(Scripted(_found), Breaker(Clock()), ResolutionMetrics(registry), GuardLimits(Askable(), Places(64)))
    await guarded.look_up(CREDENTIAL, Caller())
    labels = {"authority": "accounts", "outcome": "found"}
    assert registry.get_sample_value("gateway_authority_seconds_count", labels) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_found, "found"),
        (_rejected, "rejected"),
        (_not_mine, "not_mine"),
        (_down, "unavailable"),
        (_odd, "undecided"),
        (_raises, "undecided"),
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
        await guarded.look_up(CREDENTIAL, Caller())
    ((reported, began, ended),) = calls
    assert reported == outcome
    assert before <= began <= ended <= monotonic()


async def test_an_authority_that_is_given_up_is_not_asked_and_nothing_is_noted() -> None:
    calls: list[tuple[str, float, float]] = []
    guarded = guard(Scripted(_down), on_call=lambda *each: calls.append(each))
    with capture_logs():
        for _ in range(5):
            await guarded.look_up(CREDENTIAL, Caller())
    assert len(calls) == 2


@pytest.mark.parametrize("answer", [_odd, _raises], ids=["says so", "raises"])
async def test_who_cannot_be_told_shuts_nobody_else_out(answer: Callable[[], Awaitable[Answer]]) -> None:
    authority = Scripted(answer)
    guarded = guard(authority)
    with capture_logs() as lines:
        for _ in range(10):
            assert isinstance(await guarded.look_up(CREDENTIAL, Caller()), Undecided)
    assert len(lines) == (answer is _raises)  # one line for each kind, however often it is caused
    assert (authority.look_ups, guarded.given_up) == (10, False)
    authority._answer = _found
    assert await guarded.look_up(CREDENTIAL, Caller()) == found()


async def test_what_cannot_be_told_is_no_answer_between_two_faults() -> None:
    authority = Scripted(_down)
    guarded = guard(authority)
    for answer in (_down, _odd, _odd, _down):
        authority._answer = answer
        await guarded.look_up(CREDENTIAL, Caller())
    assert guarded.given_up


async def test_what_cannot_be_told_decides_no_probe() -> None:
    clock, authority = Clock(), Scripted(_down)
    guarded = guard(authority, clock)
    with capture_logs():
        for _ in range(2):
            await guarded.look_up(CREDENTIAL, Caller())
    clock.advance(1)
    authority._answer = _odd
    assert isinstance(await guarded.look_up(CREDENTIAL, Caller()), Undecided)
    assert guarded.given_up
    authority._answer = _found
    assert await guarded.look_up(CREDENTIAL, Caller()) == found()  # at once: the next caller is the probe
    assert not guarded.given_up


async def test_a_caller_who_leaves_says_nothing_of_the_authority() -> None:
    guarded = guard(Scripted(_never), deadline=60)
    for _ in range(5):
        asking = asyncio.get_running_loop().create_task(guarded.look_up(CREDENTIAL, Caller()))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert not guarded.given_up


@pytest.mark.parametrize(("caller", "outcome"), [(Caller("192.0.2.1"), Undecided), (Caller(known=True), Unavailable)])
async def test_no_place_is_counted_against_nobody(caller: Caller, outcome: type) -> None:
    """The known may be served stale then: they go before strangers, so only a slow authority keeps them waiting."""
    guarded = guard(Scripted(_never), places=Places(1), deadline=60, patience=0.01)
    holding = asyncio.get_running_loop().create_task(guarded.look_up(CREDENTIAL, Caller()))
    await asyncio.sleep(0)
    answers = [await guarded.look_up(CREDENTIAL, caller) for _ in range(5)]
    assert {type(answer) for answer in answers} == {outcome}
    assert not guarded.given_up
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)


async def test_whoever_is_not_allowed_waits_for_no_place() -> None:
    authority = Scripted(_down)
    guarded = guard(authority, places=Places(1), patience=60)
    with capture_logs():
        for _ in range(2):
            await guarded.look_up(CREDENTIAL, Caller())
    await guarded._places.take(Caller())
    assert await guarded.look_up(CREDENTIAL, Caller()) == Unavailable("accounts is given up for now", 1)


@pytest.mark.parametrize("parts", [("k" * 4097,), ("u" * 4000, "t" * 97), (UNREADABLE,), ("u", UNREADABLE)])
async def test_what_no_authority_can_know_is_not_asked(parts: tuple[str, ...]) -> None:
    authority = Scripted(_found)
    credential = Credential("token", CredentialKind.BEARER, "", parts, b"f" * 16)
    assert await guard(authority).look_up(credential, Caller()) is None
    assert authority.look_ups == 0


@pytest.mark.parametrize("session_id", ["a\0b", "\0", "a\nb", "i" * 256, "\ud800", "\u202e"])
async def test_an_id_that_no_session_has_is_not_asked_for(session_id: str) -> None:
    authority = Scripted(_found)
    assert await guard(authority).session_of(CREDENTIAL, session_id, Caller()) == Rejected(Reason.GONE)
    assert authority.asked == []


async def test_what_an_authority_disowns_is_another_s_while_it_is_away_too() -> None:
    authority = Scripted(_down)
    guarded = guard(authority)
    with capture_logs():
        for _ in range(5):
            await guarded.look_up(CREDENTIAL, Caller())
    assert guarded.given_up
    asked = authority.look_ups
    foreign = Credential("token", CredentialKind.BEARER, "", ("foreign",), b"f" * 16)
    assert await guarded.look_up(foreign, Caller()) is None
    assert authority.look_ups == asked
    assert type(await guarded.look_up(CREDENTIAL, Caller())) is Unavailable
