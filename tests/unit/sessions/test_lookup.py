from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found, Reason, Rejected, Throttled, Tier, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.model.route import LimitBy, RateLimit
from gateway.resilience.places import Caller
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import CacheKeys, CacheTimes
from gateway.sessions.lookup import Lookups
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.sessions.revocation import (
    Effect,
    Revocation,
    RevocationKeys,
    RevocationLog,
    RevocationMessage,
    RevocationStatus,
)
from gateway.sessions.session_cache import CacheTiers, SessionCache
from gateway.sessions.shared_tier import SharedEntry, SharedRejection
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import NOW, READER, SECRET, Authority, Clock, found

FINGERPRINTER = Fingerprinter([SECRET], READER, "", [b"digest"])
CREDENTIAL = Credential(READER, CredentialKind.BEARER, "", ("t",), FINGERPRINTER(("t",)))


class Shared:
    """A shared tier in a test's hand: its entry, who has the claim, and the statuses that it returns."""

    def __init__(self) -> None:
        self.entry: SharedEntry | SharedRejection | None = None
        self.claimable = True
        self.statuses: list[RevocationStatus | None] = []
        self.done: list[str] = []
        self.polled = asyncio.Event()
        self.meanwhile: Callable[[], None] = lambda: None

    def lookup(self, credential: Credential) -> Shared:
        assert credential is CREDENTIAL
        return self

    async def read(self) -> SharedEntry | SharedRejection | None:
        self.done.append("read")
        if self.done.count("read") > 1:
            self.polled.set()
        return self.entry

    async def claim(self, *, force: bool = False) -> bool:
        self.done.append("claim by force" if force else "claim")
        return self.claimable or force

    async def release(self) -> None:
        self.done.append("release")

    async def reject(self, rejected: Rejected, authority: str, *, lifetime: float) -> None:
        self.done.append(f"reject {rejected.reason} of {authority} for {lifetime:.0f}")

    async def fill(self, shared_entry: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        self.done.append(f"fill {shared_entry.found.session.id} {'shared' if share else 'unshared'} {lifetime:.0f}")
        self.meanwhile()
        return self.statuses.pop(0) if self.statuses else RevocationStatus.NONE

    async def status_of(self, shared_entry: SharedEntry) -> RevocationStatus | None:
        self.done.append(f"status of {shared_entry.found.session.id}")
        return self.statuses.pop(0) if self.statuses else RevocationStatus.NONE

    async def drop(self) -> None:
        self.done.append("drop")


class Replica:
    """Look-ups of one process over that tier."""

    def __init__(
        self, authority: Authority, shared: Shared, times: CacheTimes | None = None, limit: RateLimit | None = None
    ) -> None:
        self.clock = Clock()
        self.revocation_log = RevocationLog(self.clock)
        self.memory = MemoryStore(10, 1.0, self.revocation_log, self.clock)
        self.negative_cache = NegativeCache(self.clock, 5.0, 10)
        self.keys = RevocationKeys([SECRET])
        self.metrics = ResolutionMetrics(CollectorRegistry())
        cache = SessionCache(
            CacheTiers(self.memory, self.negative_cache, shared),
            CacheKeys(self.keys, {READER: FINGERPRINTER}),
            times or CacheTimes(),
            self.clock,
            now=self.clock,
            chance=lambda: float(times is not None),
        )
        self.lookups = Lookups(cache, {READER: authority}, RejectedLookups(limit, self.clock), TaskKeeper())

    def cached(self, after: float = 0.0) -> Found | None:
        entry = self.memory.get(CREDENTIAL.fingerprint, NOW + after)
        return None if entry is None else entry.found()


@pytest.fixture
def authority() -> Authority:
    authority = Authority()
    authority.answers["t"] = found(1)
    return authority


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def process(authority: Authority, shared: Shared) -> Replica:
    return Replica(authority, shared)


async def test_the_order_of_a_look_up(process: Replica, shared: Shared, authority: Authority) -> None:
    resolution = await process.lookups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier) == (found(1), Tier.AUTHORITY)
    assert shared.done == ["read", "claim", "fill session-1 shared 600"]
    assert authority.look_ups == ["t"]
    assert process.cached() == found(1)


async def test_a_shared_answer_that_is_young_enough_is_taken(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.entry = SharedEntry(found(2), "accounts", 50.0)
    resolution = await process.lookups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier, resolution.age) == (found(2), Tier.REDIS, 50.0)
    assert authority.look_ups == []
    assert process.cached() == found(2)
    assert process.cached(551) is None  # ten minutes from the look-up, not from now


async def test_while_another_process_asks_its_answer_is_waited_for(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.claimable = False
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    finding = asyncio.gather(process.lookups.find(CREDENTIAL, 120.0))
    await shared.polled.wait()
    shared.entry = SharedEntry(found(2), "accounts", 0.0)
    (resolution,) = await finding
    assert (resolution.answer, resolution.tier) == (found(2), Tier.REDIS)
    assert authority.look_ups == []


async def test_when_the_other_process_brings_nothing_this_one_asks(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.claimable = False
    finding = asyncio.gather(process.lookups.find(CREDENTIAL, 120.0))
    await shared.polled.wait()
    shared.claimable = True  # it found a rejection, or died
    (resolution,) = await finding
    assert resolution.tier is Tier.AUTHORITY
    assert authority.look_ups == ["t"]


async def test_answers_that_stay_in_memory_do_not_look_elsewhere(shared: Shared) -> None:
    authority = Authority(memory_only=True)
    authority.answers["t"] = found(1, expires_at=NOW + 90)
    process = Replica(authority, shared)
    await process.lookups.find(CREDENTIAL, 120.0)
    assert shared.done == ["fill session-1 unshared 90"]


async def test_what_was_revoked_before_is_rejected_and_taken_away(process: Replica, shared: Shared) -> None:
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    shared.statuses = [RevocationStatus.REVOKED]
    resolution = await process.lookups.find(CREDENTIAL, 120.0)
    assert resolution.answer == Rejected(Reason.REVOKED)
    assert shared.done[-2:] == ["drop", "reject revoked of accounts for 5"]
    assert process.cached() is None
    assert len(process.negative_cache) == 1


async def test_what_changed_meanwhile_is_asked_for_again_but_not_for_ever(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.statuses = [RevocationStatus.CHANGED, RevocationStatus.NONE]
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == found(1)
    assert len(authority.look_ups) == 2
    shared.statuses = [RevocationStatus.CHANGED] * 10
    assert isinstance((await process.lookups.find(CREDENTIAL, 120.0)).answer, Unavailable)
    assert len(authority.look_ups) == 5


async def test_what_nobody_could_check_is_kept_only_a_moment(process: Replica, shared: Shared) -> None:
    shared.statuses = [None]
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == found(1)
    assert process.cached(0.9) == found(1)
    assert process.cached(1.1) is None


async def test_a_rejection_takes_the_shared_answer_away(process: Replica, shared: Shared, authority: Authority) -> None:
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Rejected(Reason.EXPIRED)
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Rejected(Reason.EXPIRED)
    assert "drop" in shared.done


async def test_an_outage_takes_nothing_away_and_lets_others_ask(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    resolution = await process.lookups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.tier, resolution.stale, resolution.age) == (found(1), Tier.REDIS, True, 300.0)
    assert "drop" not in shared.done
    assert "release" in shared.done


async def test_a_stale_answer_that_was_revoked_does_not_stand_in(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    keys = process.keys.of_answer(found(1), [])
    process.revocation_log.record(RevocationMessage(Revocation(Effect.ENDED, NOW, 600.0), keys))
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Unavailable("down")


async def test_an_answer_from_before_a_change_does_not_stand_in_once_the_change_was_heard(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.claimable = False
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Unavailable("down")
    finding = asyncio.gather(process.lookups.find(CREDENTIAL, 120.0))
    await shared.polled.wait()
    shared.entry, shared.claimable = None, True
    process.revocation_log.record(
        RevocationMessage(Revocation(Effect.CHANGED, NOW, 600.0), process.keys.of_answer(found(1), []))
    )
    (resolution,) = await finding
    assert resolution.answer == Unavailable("down")
    assert process.cached() is None


async def test_an_answer_from_before_a_change_does_not_stand_in_when_the_second_question_fails(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    shared.statuses = [RevocationStatus.CHANGED]
    shared.meanwhile = lambda: authority.answers.update({"t": Unavailable("down")})
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Unavailable("down")
    assert process.cached() is None


async def test_a_revocation_heard_while_the_shared_tier_is_filled_wins(process: Replica, shared: Shared) -> None:
    keys = process.keys.of_answer(found(1), [])
    shared.meanwhile = lambda: process.revocation_log.record(
        RevocationMessage(Revocation(Effect.ENDED, NOW, 600.0), keys)
    )
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Rejected(Reason.REVOKED)
    assert process.cached() is None


async def test_without_stale_time_nothing_stands_in(shared: Shared, authority: Authority) -> None:
    process = Replica(authority, shared, CacheTimes(stale=0.0, jitter=0.5))
    await process.lookups.find(CREDENTIAL, 120.0)
    process.clock.advance(70)  # past the jittered time in which it is served, within the longest that it is cached
    authority.answers["t"] = Unavailable("down")
    assert (await process.lookups.find(CREDENTIAL, 30.0)).answer == Unavailable("down")


async def test_peeking_writes_nowhere(process: Replica, shared: Shared) -> None:
    resolution = await process.lookups.peek(CREDENTIAL)
    assert (resolution.answer, resolution.tier) == (found(1), Tier.AUTHORITY)
    assert shared.done == ["read", "status of session-1"]
    assert process.cached() is None


async def test_what_cannot_be_told_lets_nothing_stale_serve_now_or_in_a_later_outage(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    """As of a session that was logged out, about which its authority says something odd."""
    await process.lookups.find(CREDENTIAL, 120.0)
    process.clock.advance(300)
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Undecided("answered 431")
    resolution = await process.lookups.find(CREDENTIAL, 120.0)
    assert (resolution.answer, resolution.stale) == (Undecided("answered 431"), False)
    assert shared.done[-2:] == ["drop", "release"]
    shared.entry = None
    authority.answers["t"] = Unavailable("down")
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Unavailable("down")


async def test_what_was_not_asked_for_want_of_a_place_takes_nothing_away(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    await process.lookups.find(CREDENTIAL, 120.0)
    process.clock.advance(300)
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    authority.answers["t"] = Undecided("too many", asked=False)
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == Undecided("too many", asked=False)
    assert shared.done[-1] == "release"
    assert "drop" not in shared.done
    authority.answers["t"] = Unavailable("down")
    assert (await process.lookups.find(CREDENTIAL, 120.0)).stale


async def test_a_refresh_that_cannot_be_told_leaves_the_answer_its_usual_time(
    process: Replica, authority: Authority
) -> None:
    await process.lookups.find(CREDENTIAL, 120.0)
    authority.answers["t"] = Undecided("answered 429")
    await process.lookups.find(CREDENTIAL, 0.0)
    assert process.cached(100) == found(1)
    assert process.cached(130) is None


async def test_what_the_holder_of_the_claim_has_learnt_is_taken_over(
    process: Replica, shared: Shared, authority: Authority
) -> None:
    shared.claimable = False
    finding = asyncio.gather(process.lookups.find(CREDENTIAL, 120.0))
    await shared.polled.wait()
    shared.entry = SharedRejection(Rejected(Reason.EXPIRED), "accounts", 1.0)
    (resolution,) = await finding
    assert (resolution.answer, resolution.tier) == (Rejected(Reason.EXPIRED), Tier.REDIS)
    assert authority.look_ups == []
    entry = process.negative_cache.get(CREDENTIAL.fingerprint, NOW + 3.9)
    assert entry is not None
    assert process.negative_cache.get(CREDENTIAL.fingerprint, NOW + 4.0) is None  # five seconds after it was learnt


async def test_a_claim_that_nobody_ends_is_taken_at_last(
    process: Replica, shared: Shared, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sessions.lookup._POLLS", (0.0, 0.0))
    shared.claimable = False
    assert (await process.lookups.find(CREDENTIAL, 120.0)).answer == found(1)
    assert shared.done[-2:] == ["claim by force", "fill session-1 shared 600"]
    assert authority.look_ups == ["t"]


async def test_who_asks_is_told_to_the_authority_and_who_is_known_too(process: Replica, authority: Authority) -> None:
    await process.lookups.find(CREDENTIAL, 120.0, "2001:db8::1:2:3:4")
    await process.lookups.find(CREDENTIAL, 0.0, "192.0.2.1")
    await process.lookups.find(CREDENTIAL, 0.0)
    assert authority.callers == [Caller("2001:db8::/64"), Caller("192.0.2.1", known=True), Caller("", known=True)]


ONE_REJECTION = RateLimit(LimitBy.ADDRESS, 0.5, 1, shared=False)


async def test_an_address_has_so_many_unknown_credentials_rejected_and_no_more(authority: Authority) -> None:
    shared, other = Shared(), "192.0.2.2"
    process = Replica(authority, shared, limit=ONE_REJECTION)
    authority.answers["t"] = Rejected(Reason.UNKNOWN)
    assert isinstance((await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")).answer, Rejected)
    throttled = await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")
    assert throttled.answer == Throttled("too many rejected credentials of this address", 2)
    assert len(authority.look_ups) == 1
    assert isinstance((await process.lookups.find(CREDENTIAL, 120.0, other)).answer, Rejected)
    process.clock.advance(2)
    assert isinstance((await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")).answer, Rejected)


async def test_who_is_known_is_looked_up_from_any_address(authority: Authority) -> None:
    shared = Shared()
    process = Replica(authority, shared, limit=ONE_REJECTION)
    authority.answers["t"] = Rejected(Reason.UNKNOWN)
    await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")
    authority.answers["t"] = found(1)
    shared.entry = SharedEntry(found(1), "accounts", 300.0)
    assert (await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")).answer == found(1)


async def test_who_joins_the_flight_of_a_throttled_address_begins_its_own(authority: Authority) -> None:
    shared = Shared()
    process = Replica(authority, shared, limit=ONE_REJECTION)
    authority.answers["t"] = Rejected(Reason.UNKNOWN)
    await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")
    authority.answers["t"] = found(1)
    both = (process.lookups.find(CREDENTIAL, 120.0, address) for address in ("192.0.2.1", "192.0.2.2"))
    throttled, served = await asyncio.gather(*both)
    assert (type(throttled.answer), served.answer) == (Throttled, found(1))


async def test_what_has_expired_was_not_made_up(authority: Authority) -> None:
    process = Replica(authority, Shared(), limit=ONE_REJECTION)
    authority.answers["t"] = Rejected(Reason.EXPIRED)
    for _ in range(5):
        assert (await process.lookups.find(CREDENTIAL, 120.0, "192.0.2.1")).answer == Rejected(Reason.EXPIRED)
