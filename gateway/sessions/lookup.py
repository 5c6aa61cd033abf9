"""A look-up that memory cannot answer: shared tier, claim, authority, fill."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic

import msgspec

from gateway.authorities.chain import Chain, ChainAnswer
from gateway.model.answers import Found, Reason, Rejected, Resolution, Tier, Unavailable, Undecided
from gateway.model.credential import Credential
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.cache_entry import ends_at
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.session_cache import SessionCache
from gateway.sessions.shared_tier import SharedEntry, SharedLookup

_ATTEMPTS = 3
"""Times that an authority is asked again because something changed while it answered."""
_PAUSE = 0.01
"""Seconds; longer than the rounding of a tombstone's age, so that the next look-up is surely the younger one."""
_POLL = 0.02
"""Seconds between two reads of the shared tier while another process asks the authority."""
_POLLS = 100
"""Two seconds in all: as long as a claim lives."""


class Lookups:
    """Looks up credentials, one flight a fingerprint; `chains` by reader name."""

    def __init__(self, cache: SessionCache, chains: Mapping[str, Chain], tasks: TaskKeeper) -> None:
        self._cache = cache
        self._chains = chains
        self._flights: SingleFlight[bytes, Resolution] = SingleFlight(tasks, "session look-up")

    async def find(self, credential: Credential, max_age: float) -> Resolution:
        """Resolve from the shared tier, if its answer is younger than `max_age` seconds, else from an authority."""
        return await self._flights.fly(credential.fingerprint, partial(self._find, credential, max_age))

    def refresh(self, credential: Credential, max_age: float) -> None:
        """Start `find` in the background, or leave it to the flight under way."""
        self._flights.start(credential.fingerprint, partial(self._find, credential, max_age))

    async def peek(self, credential: Credential) -> Resolution:
        """Resolve like `find`, but store nothing, claim nothing, remember nothing."""
        lookup = self._cache.shared_tier.lookup(credential)
        version = self._cache.version
        shared_entry = await lookup.read()
        if shared_entry is not None and shared_entry.age < 2 * self._cache.times.fresh:
            return _from_redis(shared_entry)
        chain_answer = await self._chains[credential.reader].look_up(credential)
        answer = self._admitted(chain_answer)
        if isinstance(answer, Found):
            shared_status = await lookup.status_of(SharedEntry(answer, chain_answer.authority, 0.0))
            if RevocationStatus.REVOKED in {shared_status, self._cache.status_of(credential, answer, version)}:
                answer = Rejected(Reason.REVOKED)
        return Resolution(answer=answer, tier=Tier.AUTHORITY, authority=chain_answer.authority)

    async def _find(self, credential: Credential, max_age: float) -> Resolution:
        lookup = self._cache.shared_tier.lookup(credential)
        if self._chains[credential.reader].memory_only:
            return await self._ask_authority(credential, lookup)
        version = self._cache.version
        shared_entry = await lookup.read()
        if not _is_younger(shared_entry, max_age) and not await lookup.claim():
            shared_entry, version = await self._await_claimant(lookup, shared_entry, version, max_age)
        if (
            shared_entry is not None
            and shared_entry.age < max_age
            and self._cache.status_of(credential, shared_entry.found, version) is RevocationStatus.NONE
        ):
            await lookup.release()
            self._cache.put(credential, shared_entry, version)
            return _from_redis(shared_entry)
        return await self._ask_authority(credential, lookup, shared_entry, version)

    async def _await_claimant(
        self, lookup: SharedLookup, shared_entry: SharedEntry | None, version: int, max_age: float
    ) -> tuple[SharedEntry | None, int]:
        """Wait for the answer that another process is asking for; claim the look-up if that brings none.

        Returns the youngest answer that was read, and the revocation log's version before that read.
        """
        for _ in range(_POLLS):
            await asyncio.sleep(_POLL)
            version_before = self._cache.version
            newer = await lookup.read()
            if newer is not None:
                shared_entry, version = newer, version_before
            if _is_younger(newer, max_age) or await lookup.claim():
                break
        return shared_entry, version

    async def _ask_authority(
        self,
        credential: Credential,
        lookup: SharedLookup,
        shared_entry: SharedEntry | None = None,
        entry_version: int = 0,
    ) -> Resolution:
        """Ask the authority; `shared_entry`, read at `entry_version`, may be served while it is unavailable."""
        was_shared = shared_entry is not None
        for _ in range(_ATTEMPTS):
            version, began = self._cache.version, monotonic()
            chain_answer = await self._chains[credential.reader].look_up(credential)
            answer, authority = self._admitted(chain_answer), chain_answer.authority
            if isinstance(answer, Undecided):
                return await self._doubt(credential, lookup, chain_answer, shared_entry)
            if isinstance(answer, Unavailable):
                await lookup.release()
                return self._cache.stale_if_error(credential, shared_entry, entry_version) or Resolution(
                    answer=answer, tier=Tier.AUTHORITY, authority=authority
                )
            if isinstance(answer, Rejected):
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
                entry.until = min(entry.until, self._cache.clock() + self._cache.times.unheard)
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
        await lookup.release()
        return Resolution(answer=rejected, tier=Tier.AUTHORITY, authority=authority)


def _from_redis(shared_entry: SharedEntry) -> Resolution:
    return Resolution(
        answer=shared_entry.found, tier=Tier.REDIS, age=shared_entry.age, authority=shared_entry.authority
    )


def _is_younger(shared_entry: SharedEntry | None, max_age: float) -> bool:
    return shared_entry is not None and shared_entry.age < max_age
