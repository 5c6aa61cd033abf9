"""A look-up that memory cannot answer: shared tier, claim, authority, fill."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic

import msgspec

from gateway.authorities.chain import Chain, ChainAnswer
from gateway.model.answers import Found, Reason, Rejected, Resolution, Throttled, Tier, Unavailable, Undecided
from gateway.model.client_address import bucket_of_address
from gateway.model.credential import Credential
from gateway.resilience.places import Caller
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import ends_at
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.session_cache import SessionCache
from gateway.sessions.shared_tier import SharedEntry, SharedLookup, SharedRejection

_ATTEMPTS = 3
"""Times that an authority is asked again because something changed while it answered."""
_PAUSE = 0.01
"""Seconds; longer than the rounding of a tombstone's age, so that the next look-up is surely the younger one."""
_POLLS = (0.005, 0.01, *[0.02] * 100)
"""Seconds between two reads of the shared tier while another process asks the authority; as long as a claim lives."""


class Lookups:
    """Looks up credentials, one flight a fingerprint; `chains` by reader name."""

    def __init__(
        self, cache: SessionCache, chains: Mapping[str, Chain], rejected_lookups: RejectedLookups, tasks: TaskKeeper
    ) -> None:
        self._cache = cache
        self._chains = chains
        self._rejected_lookups = rejected_lookups
        self._flights: SingleFlight[bytes, Resolution] = SingleFlight(tasks, "session look-up")

    async def find(self, credential: Credential, max_age: float, client: str = "") -> Resolution:
        """Resolve from the shared tier, if its answer is younger than `max_age` seconds, else from an authority.

        `client` is the address of whoever shows the credential. One that joins the flight of an address beyond its
        limit begins its own.
        """
        work = partial(self._find, credential, max_age, client)
        resolution = await self._flights.fly(credential.fingerprint, work)
        if isinstance(resolution.answer, Throttled) and not self._rejected_lookups.wait(client):
            resolution = await self._flights.fly(credential.fingerprint, work)
        return resolution

    def refresh(self, credential: Credential, max_age: float) -> None:
        """Start `find` in the background, or leave it to the flight under way."""
        self._flights.start(credential.fingerprint, partial(self._find, credential, max_age))

    async def peek(self, credential: Credential) -> Resolution:
        """Resolve like `find`, but store nothing, claim nothing, remember nothing."""
        lookup = self._cache.shared_tier.lookup(credential)
        version = self._cache.version
        shared = await lookup.read()
        if shared is not None and (isinstance(shared, SharedRejection) or shared.age < 2 * self._cache.times.fresh):
            return _from_redis(shared)
        chain_answer = await self._chains[credential.reader].look_up(credential, Caller(known=True))
        answer = self._admitted(chain_answer)
        if isinstance(answer, Found):
            shared_status = await lookup.status_of(SharedEntry(answer, chain_answer.authority, 0.0))
            if RevocationStatus.REVOKED in {shared_status, self._cache.status_of(credential, answer, version)}:
                answer = Rejected(Reason.REVOKED)
        return Resolution(answer=answer, tier=Tier.AUTHORITY, authority=chain_answer.authority)

    async def _find(self, credential: Credential, max_age: float, client: str = "") -> Resolution:
        lookup = self._cache.shared_tier.lookup(credential)
        read = _SharedRead(None, self._cache.version)
        if not self._chains[credential.reader].memory_only:
            read = _SharedRead(await lookup.read(), read.version)
        known = not client or read.answer is not None or self._cache.holds(credential)
        caller = Caller(bucket_of_address(client), known)
        wait = 0 if caller.known else self._rejected_lookups.wait(client)
        if wait:
            throttled = Throttled("too many rejected credentials of this address", wait)
            return Resolution(answer=throttled, tier=Tier.AUTHORITY)
        if not self._chains[credential.reader].memory_only:
            if not read.settles(max_age) and not await lookup.claim():
                read = await self._await_claimant(lookup, read, max_age)
            resolution = self._shared_answer(credential, read, max_age)
            if resolution is not None:
                await lookup.release()
                return resolution
        return await self._ask_authority(credential, lookup, read, caller)

    def _shared_answer(self, credential: Credential, read: _SharedRead, max_age: float) -> Resolution | None:
        """Return what was read from the shared tier, kept in memory, if it settles the question."""
        answer = read.answer
        if answer is None or not read.settles(max_age):
            return None
        if isinstance(answer, SharedRejection):
            self._cache.reject(credential, answer.rejected, answer.authority, answer.age)
        elif self._cache.status_of(credential, answer.found, read.version, answer.age) is not RevocationStatus.NONE:
            return None
        else:
            self._cache.put(credential, answer, read.version)
        return _from_redis(answer)

    async def _await_claimant(self, lookup: SharedLookup, read: _SharedRead, max_age: float) -> _SharedRead:
        """Wait for what another process is asking for; claim the look-up if that brings nothing.

        A claim that outlives the wait has no end, or a stranger renews it: it is taken.
        """
        for pause in _POLLS:
            await asyncio.sleep(pause)
            version = self._cache.version
            newer = await lookup.read()
            if newer is not None:
                read = _SharedRead(newer, version)
            if read.settles(max_age) or await lookup.claim():
                return read
        await lookup.claim(force=True)
        return read

    async def _ask_authority(
        self, credential: Credential, lookup: SharedLookup, read: _SharedRead, caller: Caller
    ) -> Resolution:
        """Ask the authority; the entry that was read may be served while it is unavailable."""
        shared_entry = read.answer if isinstance(read.answer, SharedEntry) else None
        was_shared = shared_entry is not None
        for _ in range(_ATTEMPTS):
            version, began = self._cache.version, monotonic()
            chain_answer = await self._chains[credential.reader].look_up(credential, caller)
            answer, authority = self._admitted(chain_answer), chain_answer.authority
            if isinstance(answer, Undecided):
                return await self._doubt(credential, lookup, chain_answer, shared_entry)
            if isinstance(answer, Unavailable):
                await lookup.release()
                return self._cache.stale_if_error(credential, shared_entry, read.version) or Resolution(
                    answer=answer, tier=Tier.AUTHORITY, authority=authority
                )
            if isinstance(answer, Rejected):
                if not caller.known and answer.reason is not Reason.EXPIRED:
                    self._rejected_lookups.count(caller.address)  # what has expired was not made up
                return await self._reject(credential, lookup, answer, authority, was_shared=was_shared)
            new_entry = SharedEntry(answer, authority, monotonic() - began)
            status = await self._fill(credential, lookup, new_entry, version, share=not chain_answer.memory_only)
            if status is RevocationStatus.REVOKED:
                revoked = Rejected(Reason.REVOKED)
                return await self._reject(credential, lookup, revoked, authority, was_shared=was_shared)
            if status is RevocationStatus.NONE:
                return Resolution(answer=answer, tier=Tier.AUTHORITY, authority=authority)
            shared_entry = None  # it is from before the change, so it must not be served after it
            await asyncio.sleep(_PAUSE)
        return Resolution(answer=Unavailable("it changed while it was looked up"), tier=Tier.AUTHORITY)

    def _admitted(self, chain_answer: ChainAnswer) -> Found | Rejected | Unavailable:
        """Reject a session that has expired or is not active, even if its authority answers with it."""
        verdict = chain_answer.verdict
        if not isinstance(verdict, Found):
            return verdict
        if ends_at(verdict) <= self._cache.clock():
            return Rejected(Reason.EXPIRED)
        return verdict if verdict.session.state == "active" else Rejected(Reason.REVOKED)

    async def _fill(
        self, credential: Credential, lookup: SharedLookup, shared_entry: SharedEntry, version: int, *, share: bool
    ) -> RevocationStatus:
        """Store in the shared tier and in memory, unless a revocation arrived since the look-up began."""
        status = self._cache.status_of(credential, shared_entry.found, version)
        if status is not RevocationStatus.NONE:
            return status
        began = monotonic() - shared_entry.age
        lifetime = self._cache.lifetime(shared_entry)
        shared_status: RevocationStatus | None = RevocationStatus.NONE
        if lifetime > 0:
            shared_status = await lookup.fill(shared_entry, lifetime=lifetime, share=share)
        # asked once more, since a revocation may have arrived while the shared tier was filled
        status = self._cache.status_of(credential, shared_entry.found, version)
        status = max(shared_status or RevocationStatus.NONE, status)
        if status is RevocationStatus.NONE:
            entry = self._cache.put(credential, msgspec.structs.replace(shared_entry, age=monotonic() - began), version)
            if shared_status is None:
                # no tombstone could be read, and one may be older than this process: look up again soon
                entry.until = min(entry.until, self._cache.now() + self._cache.times.unheard)
        return status

    async def _doubt(
        self, credential: Credential, lookup: SharedLookup, chain_answer: ChainAnswer, shared_entry: SharedEntry | None
    ) -> Resolution:
        """Serve nothing older, now or in a later outage: its authority was asked, and did not stand by it."""
        verdict = chain_answer.verdict
        if isinstance(verdict, Undecided) and verdict.asked:
            self._cache.end_staleness(credential)
            if shared_entry is not None and shared_entry.age >= 2 * self._cache.times.fresh:
                await lookup.drop()
        await lookup.release()
        return Resolution(answer=verdict, tier=Tier.AUTHORITY, authority=chain_answer.authority)

    async def _reject(
        self, credential: Credential, lookup: SharedLookup, rejected: Rejected, authority: str, *, was_shared: bool
    ) -> Resolution:
        """Remember a rejection, and drop cached answers: they must not return when the authority is unavailable."""
        if self._cache.reject(credential, rejected, authority) or was_shared:
            await lookup.drop()
        await lookup.reject(rejected, authority, lifetime=self._cache.times.negative)
        return Resolution(answer=rejected, tier=Tier.AUTHORITY, authority=authority)


class _SharedRead(msgspec.Struct, frozen=True):
    """What the shared tier held when the revocation log was at `version`."""

    answer: SharedEntry | SharedRejection | None
    version: int

    def settles(self, max_age: float) -> bool:
        """Tell whether nobody needs to be asked: it is a rejection, or younger than `max_age` seconds."""
        return isinstance(self.answer, SharedRejection) or (self.answer is not None and self.answer.age < max_age)


def _from_redis(answer: SharedEntry | SharedRejection) -> Resolution:
    verdict = answer.rejected if isinstance(answer, SharedRejection) else answer.found
    return Resolution(answer=verdict, tier=Tier.REDIS, age=answer.age, authority=answer.authority)
