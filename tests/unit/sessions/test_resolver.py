from __future__ import annotations

import asyncio

import pytest

from gateway.model.answers import Found, Reason, Rejected, Tier, Unavailable
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.sessions.cache_entry import CacheTimes
from tests.support.fakes.sessions import NOW, Authority, Clock, Gateway, found

KINDS = [
    RevocationTarget(RevocationKind.SESSION, "session-1"),
    RevocationTarget(RevocationKind.USER, "user-1"),
    RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
]


@pytest.mark.parametrize("target", KINDS, ids=lambda target: target.kind.value)
async def test_a_revocation_wins_against_the_look_up_that_began_before_it(target: RevocationTarget) -> None:
    authority = Authority()
    authority.answers["t"] = found()
    authority.gate.clear()
    gateway = Gateway(authority, Clock())
    asking = gateway.tasks.start(gateway.resolver.resolve(gateway.credential("t")), "caller")
    await authority.began.wait()
    await gateway.revoker.revoke(target)
    authority.gate.set()
    assert (await asking).answer == Rejected(Reason.REVOKED)
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Rejected(Reason.REVOKED)
    assert len(gateway.memory) == 0


async def test_a_row_that_changed_while_it_was_read_is_read_again() -> None:
    authority = Authority()
    authority.answers["t"] = found(1)
    authority.gate.clear()
    gateway = Gateway(authority, Clock())
    asking = gateway.tasks.start(gateway.resolver.resolve(gateway.credential("t")), "caller")
    await authority.began.wait()
    authority.answers["t"] = Rejected(Reason.GONE)
    await gateway.revoker.changed(RevocationTarget(RevocationKind.SESSION, "session-1"))
    authority.gate.set()
    assert (await asking).answer == Rejected(Reason.GONE)
    assert authority.look_ups == ["t", "t"]


async def test_the_second_request_is_answered_from_memory() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = found()
    gateway = Gateway(authority, clock)
    first = await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(59)
    second = await gateway.resolver.resolve(gateway.credential("t"))
    assert (first.tier, second.tier) == (Tier.AUTHORITY, Tier.MEMORY)
    assert second.answer == found()
    assert second.age == pytest.approx(59, abs=0.1)
    assert not second.stale
    assert authority.look_ups == ["t"]


async def test_a_hit_in_memory_does_not_suspend() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock())
    await gateway.resolver.resolve(gateway.credential("t"))
    with pytest.raises(StopIteration) as returned:
        gateway.resolver.resolve(gateway.credential("t")).send(None)
    assert returned.value.value.tier is Tier.MEMORY


@pytest.mark.parametrize("answer", [found(), Rejected(Reason.UNKNOWN)])
async def test_what_is_remembered_is_answered_at_once_and_nothing_else(answer: Found | Rejected) -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = answer
    gateway = Gateway(authority, clock)
    credential = gateway.credential("t")
    assert gateway.resolver.remembered(credential) is None
    assert authority.look_ups == []
    await gateway.resolver.resolve(credential)
    remembered = gateway.resolver.remembered(credential)
    assert remembered is not None
    assert (remembered.answer, remembered.tier) == (answer, Tier.MEMORY)
    clock.advance(10_000)
    assert gateway.resolver.remembered(credential) is None


async def test_an_ageing_answer_is_served_while_one_refresh_runs() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = found(1)
    gateway = Gateway(authority, clock)
    await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(90)
    authority.answers["t"] = Rejected(Reason.REVOKED)
    authority.gate.clear()
    authority.began.clear()
    answers = [await gateway.resolver.resolve(gateway.credential("t")) for _ in range(10)]
    assert {answer.tier for answer in answers} == {Tier.MEMORY}
    await authority.began.wait()
    authority.gate.set()
    clock.advance(31)  # too old to be served now: whoever asks joins the refresh that is under way
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Rejected(Reason.REVOKED)
    assert authority.look_ups == ["t", "t"]


async def test_after_twice_fresh_the_authority_is_asked_first() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = found(1)
    gateway = Gateway(authority, clock)
    await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(121)
    authority.answers["t"] = found(2)
    again = await gateway.resolver.resolve(gateway.credential("t"))
    assert (again.tier, again.answer) == (Tier.AUTHORITY, found(2))


async def test_stale_stands_in_only_while_the_authority_cannot_be_asked() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = found(1)
    gateway = Gateway(authority, clock)
    await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(300)
    authority.answers["t"] = Unavailable("down")
    stale = await gateway.resolver.resolve(gateway.credential("t"))
    assert (stale.answer, stale.stale, stale.tier) == (found(1), True, Tier.MEMORY)
    assert stale.age == pytest.approx(300, abs=0.1)
    again = await gateway.resolver.resolve(gateway.credential("t"))
    assert again.stale
    assert authority.look_ups == ["t", "t"]  # not asked again for each request of the next second
    clock.advance(2)
    authority.answers["t"] = found(2)
    recovered = await gateway.resolver.resolve(gateway.credential("t"))
    assert (recovered.answer, recovered.stale) == (found(2), False)


async def test_stale_ends_too() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = found(1)
    gateway = Gateway(authority, clock)
    await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(601)
    authority.answers["t"] = Unavailable("down")
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Unavailable("down")


async def test_an_outage_is_never_remembered() -> None:
    authority = Authority()
    authority.answers["t"] = Unavailable("down", 3)
    gateway = Gateway(authority, Clock())
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Unavailable("down", 3)
    authority.answers["t"] = found()
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == found()


async def test_a_rejection_is_remembered_for_a_moment_with_its_reason() -> None:
    authority, clock = Authority(), Clock()
    authority.answers["t"] = Rejected(Reason.GONE)
    gateway = Gateway(authority, clock)
    await gateway.resolver.resolve(gateway.credential("t"))
    clock.advance(4)
    again = await gateway.resolver.resolve(gateway.credential("t"))
    assert (again.answer, again.tier, again.authority) == (Rejected(Reason.GONE), Tier.MEMORY, "accounts")
    clock.advance(2)
    authority.answers["t"] = found()
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == found()


async def test_garbage_evicts_no_session() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock(), memory_entries=1)
    await gateway.resolver.resolve(gateway.credential("t"))
    for number in range(500):
        await gateway.resolver.resolve(gateway.credential(f"garbage-{number}"))
    assert (await gateway.resolver.resolve(gateway.credential("t"))).tier is Tier.MEMORY
    assert len(gateway.negative_cache) == 100


@pytest.mark.parametrize("where", ["token", "session"])
async def test_nothing_outlives_its_own_expiry(where: str) -> None:
    authority, clock = Authority(), Clock()
    if where == "token":
        authority.answers["t"] = found(1, expires_at=NOW + 30)
    else:
        alive = found(1)
        authority.answers["t"] = Found(
            type(alive.session)(subject="user-1", id="session-1", expires_at=found(1, expires_at=NOW + 30).expires_at)
        )
    gateway = Gateway(authority, clock)
    assert isinstance((await gateway.resolver.resolve(gateway.credential("t"))).answer, Found)
    clock.advance(30)
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Rejected(Reason.EXPIRED)
    clock.advance(10)
    authority.answers["t"] = Unavailable("down")
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Unavailable("down")


async def test_a_session_that_is_not_active_is_not_admitted() -> None:
    authority = Authority()
    logged_out = type(found().session)(subject="user-1", id="session-1", state="logged_out")
    authority.answers["t"] = Found(logged_out)
    gateway = Gateway(authority, Clock())
    assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Rejected(Reason.REVOKED)


async def test_a_thousand_first_requests_are_one_question() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    authority.gate.clear()
    gateway = Gateway(authority, Clock())
    callers = [
        gateway.tasks.start(gateway.resolver.resolve(gateway.credential("t")), f"caller {number}")
        for number in range(1000)
    ]
    await authority.began.wait()
    authority.gate.set()
    answers = await asyncio.gather(*callers)
    assert authority.look_ups == ["t"]
    assert {answer.session.id for answer in answers if answer.session} == {"session-1"}
    assert len(answers) == 1000


async def test_the_first_caller_may_vanish() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    authority.gate.clear()
    gateway = Gateway(authority, Clock())
    first = gateway.tasks.start(gateway.resolver.resolve(gateway.credential("t")), "first")
    await authority.began.wait()
    second = gateway.tasks.start(gateway.resolver.resolve(gateway.credential("t")), "second")
    await asyncio.sleep(0)
    first.cancel()
    authority.gate.set()
    assert (await second).answer == found()
    assert authority.look_ups == ["t"]


async def test_looking_leaves_no_trace() -> None:
    written: list[str] = []

    async def note(session_id: str, _at: object) -> None:
        written.append(session_id)

    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock(), notes={"accounts": note})
    looked = await gateway.resolver.peek(gateway.credential("t"))
    assert (looked.answer, looked.tier) == (found(), Tier.AUTHORITY)
    await gateway.resolver.peek(gateway.credential("bad"))
    assert len(gateway.memory) == len(gateway.negative_cache) == 0
    assert gateway.count("gateway_resolutions_total", tier="authority", outcome="found") == 0
    await gateway.resolver.resolve(gateway.credential("t"))
    assert (await gateway.resolver.peek(gateway.credential("t"))).tier is Tier.MEMORY


async def test_looking_sees_a_revocation() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock())
    await gateway.revoker.revoke(RevocationTarget(RevocationKind.SESSION, "session-1"))
    assert (await gateway.resolver.peek(gateway.credential("t"))).answer == Rejected(Reason.REVOKED)


async def test_what_is_resolved_is_counted_by_tier_and_outcome() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock())
    for token in ("t", "t", "t", "bad", "bad"):
        await gateway.resolver.resolve(gateway.credential(token))
    count = gateway.count
    assert count("gateway_resolutions_total", tier="authority", outcome="found") == 1
    assert count("gateway_resolutions_total", tier="memory", outcome="found") == 2
    assert count("gateway_resolutions_total", tier="authority", outcome="rejected") == 1
    assert count("gateway_resolutions_total", tier="memory", outcome="rejected") == 1


async def test_without_fresh_time_nothing_is_served_twice() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock(), CacheTimes(fresh=0.0, stale=0.0, negative=0.0))
    for _ in range(3):
        assert (await gateway.resolver.resolve(gateway.credential("t"))).tier is Tier.AUTHORITY
    assert len(authority.look_ups) == 3
