from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.resolution import Tier
from gateway.sessions.cache_keys import CacheKeys
from gateway.sessions.lookup import Lookups, Tiers
from gateway.sessions.memory import MemoryStore
from gateway.sessions.negative_cache import NegativeCache
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus
from gateway.sessions.revocation_keys import RevocationKeys
from gateway.sessions.revocation_log import RevocationLog
from gateway.sessions.tier import SharedEntry
from gateway.sessions.times import CacheTimes
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import NOW, READER, SECRET, Authority, Clock, found

FINGERPRINTER = Fingerprinter([SECRET], READER, "", [b"digest"])
CREDENTIAL = Credential(READER, CredentialKind.BEARER, "", ("t",), FINGERPRINTER(("t",)))


class Fleet:
    """A shared tier in a test's hand: what is held, who has the claim, what a fill is told."""

    def __init__(self) -> None:
        self.held: SharedEntry | None = None
        self.claimable = True
        self.told: list[RevocationStatus | None] = []
        self.done: list[str] = []
        self.polled = asyncio.Event()
        self.meanwhile: Callable[[], None] = lambda: None

    def visit(self, credential: Credential) -> Fleet:
        assert credential is CREDENTIAL
        return self

    async def read(self) -> SharedEntry | None:
        self.done.append("read")
        if self.done.count("read") > 1:
            self.polled.set()
        return self.held

    async def claim(self) -> bool:
        self.done.append("claim")
        return self.claimable

    async def release(self) -> None:
        self.done.append("release")

    async def fill(self, held: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        self.done.append(f"fill {held.found.session.id} {'shared' if share else 'unshared'} {lifetime:.0f}")
        self.meanwhile()
        return self.told.pop(0) if self.told else RevocationStatus.NONE

    async def status_of(self, held: SharedEntry) -> RevocationStatus | None:
        self.done.append(f"touch {held.found.session.id}")
        return self.told.pop(0) if self.told else RevocationStatus.NONE

    async def drop(self) -> None:
        self.done.append("drop")


class LookingUp:
    """Look-ups of one process over that fleet."""

    def __init__(self, authority: Authority, fleet: Fleet, times: CacheTimes | None = None) -> None:
        self.clock = Clock()
        self.endings = RevocationLog(self.clock)
        self.memory = MemoryStore(10, 1.0, self.endings)
        self.rejections = NegativeCache(self.clock, 5.0, 10)
        self.handles = RevocationKeys([SECRET])
        self.metrics = ResolutionMetrics(CollectorRegistry())
        tiers = Tiers(
            self.memory, self.rejections, self.endings, fleet, CacheKeys(self.handles, {READER: FINGERPRINTER})
        )
        self.look_ups = Lookups(
            tiers, {READER: authority}, times or CacheTimes(), self.clock, lambda: float(times is not None)
        )

    def kept(self, after: float = 0.0) -> Found | None:
        kept = self.memory.get(CREDENTIAL.fingerprint, NOW + after)
        return None if kept is None else kept.found()


@pytest.fixture
def authority() -> Authority:
    authority = Authority()
    authority.answers["t"] = found(1)
    return authority


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def process(authority: Authority, fleet: Fleet) -> LookingUp:
    return LookingUp(authority, fleet)


async def test_the_order_of_a_look_up(process: LookingUp, fleet: Fleet, authority: Authority) -> None:
    resolution = await process.look_ups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier) == (found(1), Tier.AUTHORITY)
    assert fleet.done == ["read", "claim", "fill session-1 shared 600"]
    assert authority.asked == ["t"]
    assert process.kept() == found(1)


async def test_a_shared_answer_that_is_young_enough_is_taken(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.held = SharedEntry(found(2), "accounts", 50.0)
    resolution = await process.look_ups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier, resolution.age) == (found(2), Tier.REDIS, 50.0)
    assert authority.asked == []
    assert process.kept() == found(2)
    assert process.kept(551) is None  # ten minutes from the look-up, not from now


async def test_while_another_process_asks_its_answer_is_waited_for(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.claimable = False
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    finding = asyncio.gather(process.look_ups.find(CREDENTIAL, 120.0))
    await fleet.polled.wait()
    fleet.held = SharedEntry(found(2), "accounts", 0.0)
    (resolution,) = await finding
    assert (resolution.answer, resolution.tier) == (found(2), Tier.REDIS)
    assert authority.asked == []


async def test_when_the_other_process_brings_nothing_this_one_asks(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.claimable = False
    finding = asyncio.gather(process.look_ups.find(CREDENTIAL, 120.0))
    await fleet.polled.wait()
    fleet.claimable = True  # it found a rejection, or died
    (resolution,) = await finding
    assert resolution.tier is Tier.AUTHORITY
    assert authority.asked == ["t"]


async def test_answers_that_stay_in_memory_do_not_look_elsewhere(fleet: Fleet) -> None:
    authority = Authority(memory_only=True)
    authority.answers["t"] = found(1, expires_at=NOW + 90)
    process = LookingUp(authority, fleet)
    await process.look_ups.find(CREDENTIAL, 120.0)
    assert fleet.done == ["fill session-1 unshared 90"]


async def test_what_was_revoked_before_is_rejected_and_taken_away(process: LookingUp, fleet: Fleet) -> None:
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    fleet.told = [RevocationStatus.REVOKED]
    resolution = await process.look_ups.find(CREDENTIAL, 120.0)
    assert resolution.answer == Rejected(Reason.REVOKED)
    assert fleet.done[-2:] == ["drop", "release"]
    assert process.kept() is None
    assert len(process.rejections) == 1


async def test_what_changed_meanwhile_is_asked_for_again_but_not_for_ever(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.told = [RevocationStatus.CHANGED, RevocationStatus.NONE]
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == found(1)
    assert len(authority.asked) == 2
    fleet.told = [RevocationStatus.CHANGED] * 10
    assert isinstance((await process.look_ups.find(CREDENTIAL, 120.0)).answer, Unavailable)
    assert len(authority.asked) == 5


async def test_what_nobody_could_check_is_kept_only_a_moment(process: LookingUp, fleet: Fleet) -> None:
    fleet.told = [None]
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == found(1)
    assert process.kept(0.9) == found(1)
    assert process.kept(1.1) is None


async def test_a_rejection_takes_the_shared_answer_away(process: LookingUp, fleet: Fleet, authority: Authority) -> None:
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Rejected(Reason.EXPIRED)
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == Rejected(Reason.EXPIRED)
    assert "drop" in fleet.done


async def test_an_outage_takes_nothing_away_and_lets_others_ask(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    resolution = await process.look_ups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier, resolution.stale, resolution.age) == (found(1), Tier.REDIS, True, 300.0)
    assert "drop" not in fleet.done
    assert "release" in fleet.done


async def test_a_stale_answer_that_was_revoked_does_not_stand_in(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    handles = process.handles.carried_by(found(1), [])
    process.endings.hear(RevocationMessage(Revocation(Effect.ENDED, NOW, 600.0), handles))
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == Unavailable("down")


async def test_an_answer_from_before_a_change_does_not_stand_in_once_the_change_was_heard(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.claimable = False
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    finding = asyncio.gather(process.look_ups.find(CREDENTIAL, 120.0))
    await fleet.polled.wait()
    fleet.held, fleet.claimable = None, True
    process.endings.hear(
        RevocationMessage(Revocation(Effect.CHANGED, NOW, 600.0), process.handles.carried_by(found(1), []))
    )
    (resolution,) = await finding
    assert resolution.answer == Unavailable("down")
    assert process.kept() is None


async def test_an_answer_from_before_a_change_does_not_stand_in_when_the_second_question_fails(
    process: LookingUp, fleet: Fleet, authority: Authority
) -> None:
    fleet.held = SharedEntry(found(1), "accounts", 300.0)
    fleet.told = [RevocationStatus.CHANGED]
    fleet.meanwhile = lambda: authority.answers.update({"t": Unavailable("down")})
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == Unavailable("down")
    assert process.kept() is None


async def test_a_revocation_heard_while_the_shared_tier_is_filled_wins(process: LookingUp, fleet: Fleet) -> None:
    handles = process.handles.carried_by(found(1), [])
    fleet.meanwhile = lambda: process.endings.hear(RevocationMessage(Revocation(Effect.ENDED, NOW, 600.0), handles))
    assert (await process.look_ups.find(CREDENTIAL, 120.0)).answer == Rejected(Reason.REVOKED)
    assert process.kept() is None


async def test_without_stale_time_nothing_stands_in(fleet: Fleet, authority: Authority) -> None:
    process = LookingUp(authority, fleet, CacheTimes(stale=0.0, jitter=0.5))
    await process.look_ups.find(CREDENTIAL, 120.0)
    process.clock.advance(70)  # past the jittered time in which it is served, within the longest that it is kept
    authority.answers["t"] = Unavailable("down")
    assert (await process.look_ups.find(CREDENTIAL, 30.0)).answer == Unavailable("down")


async def test_looking_writes_nowhere(process: LookingUp, fleet: Fleet) -> None:
    resolution = await process.look_ups.look(CREDENTIAL)
    assert (resolution.answer, resolution.tier) == (found(1), Tier.AUTHORITY)
    assert fleet.done == ["read", "touch session-1"]
    assert process.kept() is None
