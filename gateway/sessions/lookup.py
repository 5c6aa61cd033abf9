"""The way of a look-up that memory cannot answer: shared tier, claim, authority, fill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import random
from time import monotonic
from typing import Protocol

import msgspec

from gateway.authorities.chain import ChainAnswer
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.model.resolution import Resolution, Tier
from gateway.sessions.cache_entry import CacheEntry, encode, ends_at
from gateway.sessions.cache_keys import CacheKeys
from gateway.sessions.memory import MemoryStore
from gateway.sessions.negative_cache import NegativeCache
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.revocation_log import RevocationLog
from gateway.sessions.tier import SharedEntry, SharedTier, Visit
from gateway.sessions.times import CacheTimes

_ATTEMPTS = 3
"""Times that an authority is asked again because something changed while it answered."""
_PAUSE = 0.01  # longer than the rounding of a tombstone's age, so that the next look-up is surely the younger one
_POLL = 0.02
_POLLS = 100  # two seconds: as long as a claim lives


class Asks(Protocol):
    """A reader's list of authorities; see `authorities.chain.Chain`."""

    memory_only: bool

    async def ask(self, credential: Credential) -> ChainAnswer:
        """Return the verdict; never raises for a fault of an authority."""


class Tiers(msgspec.Struct, frozen=True):
    """Where answers are kept, and the `names` that they have there."""

    memory: MemoryStore
    rejections: NegativeCache
    endings: RevocationLog
    shared: SharedTier
    names: CacheKeys


class Lookups:
    """Looks up one credential at a time per flight. `clock` is in epoch seconds; `chance` returns 0 to 1."""

    def __init__(
        self,
        tiers: Tiers,
        chains: Mapping[str, Asks],
        times: CacheTimes,
        clock: Callable[[], float],
        chance: Callable[[], float] = random,
    ) -> None:
        self._tiers = tiers
        self._chains = chains
        self._times = times
        self._clock = clock
        self._chance = chance

    async def find(self, credential: Credential, acceptable: float) -> Resolution:
        """Resolve from the shared tier, if its answer is younger than `acceptable` seconds, else from an authority."""
        visit = self._tiers.shared.visit(credential)
        if self._chains[credential.reader].memory_only:
            return await self._ask(credential, visit)
        version = self._tiers.endings.version
        held = await visit.read()
        if not _young(held, acceptable) and not await visit.claim():
            held, version = await self._await_claimant(visit, held, version, acceptable)
        if (
            held is not None
            and held.age < acceptable
            and self._status_of(credential, held.found, version) is RevocationStatus.NONE
        ):
            await visit.release()
            return self._take_in(credential, held, version)
        return await self._ask(credential, visit, held, version)

    async def look(self, credential: Credential) -> Resolution:
        """Resolve like `find`, and store nothing, claim nothing, remember nothing."""
        visit = self._tiers.shared.visit(credential)
        version = self._tiers.endings.version
        held = await visit.read()
        if held is not None and held.age < 2 * self._times.fresh:
            return Resolution(answer=held.found, tier=Tier.REDIS, age=held.age, authority=held.authority)
        told = await self._chains[credential.reader].ask(credential)
        answer = self._admitted(told)
        if isinstance(answer, Found):
            shared = await visit.status_of(SharedEntry(answer, told.authority, 0.0))
            if RevocationStatus.REVOKED in {shared, self._status_of(credential, answer, version)}:
                answer = Rejected(Reason.REVOKED)
        return Resolution(answer=answer, tier=Tier.AUTHORITY, authority=told.authority)

    async def _await_claimant(
        self, visit: Visit, held: SharedEntry | None, version: int, acceptable: float
    ) -> tuple[SharedEntry | None, int]:
        """Wait for the answer that another process is asking for; become the one who asks if it brings none.

        Returns the youngest answer that was read, and the moment before that.
        """
        for _ in range(_POLLS):
            await asyncio.sleep(_POLL)
            moment = self._tiers.endings.version
            newer = await visit.read()
            if newer is not None:
                held, version = newer, moment
            if _young(newer, acceptable) or await visit.claim():
                break
        return held, version

    async def _ask(
        self, credential: Credential, visit: Visit, held: SharedEntry | None = None, held_since: int = 0
    ) -> Resolution:
        """Ask the authority; `held`, which was read after `held_since`, may stand in for one that cannot be asked."""
        shared = held is not None
        for _ in range(_ATTEMPTS):
            version, began = self._tiers.endings.version, monotonic()
            told = await self._chains[credential.reader].ask(credential)
            answer = self._admitted(told)
            if isinstance(answer, Unavailable):
                await visit.release()
                return self._stand_in(credential, held, held_since) or Resolution(
                    answer=answer, tier=Tier.AUTHORITY, authority=told.authority
                )
            if isinstance(answer, Rejected):
                return await self._reject(credential, visit, answer, told.authority, shared=shared)
            fresh = SharedEntry(answer, told.authority, monotonic() - began)
            status = await self._keep(credential, visit, fresh, version, share=not told.memory_only)
            if status is RevocationStatus.REVOKED:
                revoked = Rejected(Reason.REVOKED)
                return await self._reject(credential, visit, revoked, told.authority, shared=shared)
            if status is RevocationStatus.NONE:
                return Resolution(answer=answer, tier=Tier.AUTHORITY, authority=told.authority)
            held = None  # it is from before the change, and must not stand in for what came after
            await asyncio.sleep(_PAUSE)
        return Resolution(answer=Unavailable("it changed while it was looked up"), tier=Tier.AUTHORITY)

    def _admitted(self, told: ChainAnswer) -> Found | Rejected | Unavailable:
        """Reject a session that has ended by itself, whatever its authority makes of it."""
        verdict = told.verdict
        if not isinstance(verdict, Found):
            return verdict
        if ends_at(verdict) <= self._clock():
            return Rejected(Reason.EXPIRED)
        return verdict if verdict.session.state == "active" else Rejected(Reason.REVOKED)

    async def _keep(
        self, credential: Credential, visit: Visit, held: SharedEntry, version: int, *, share: bool
    ) -> RevocationStatus:
        """Store in the shared tier and in memory, unless a revocation came since the look-up began."""
        status = self._status_of(credential, held.found, version)
        if status is not RevocationStatus.NONE:
            return status
        began = monotonic() - held.age
        lifetime = min(self._times.longest - held.age, ends_at(held.found) - self._clock())
        shared = await visit.fill(held, lifetime=lifetime, share=share) if lifetime > 0 else RevocationStatus.NONE
        # asked once more, since a revocation may have been heard while the shared tier was filled
        status = max(shared or RevocationStatus.NONE, self._status_of(credential, held.found, version))
        if status is RevocationStatus.NONE:
            kept = self._put(credential, msgspec.structs.replace(held, age=monotonic() - began), version)
            if shared is None:
                # nobody could say whether it was revoked before this process could hear of it: ask again soon
                kept.until = min(kept.until, self._clock() + self._times.unheard)
        return status

    def _take_in(self, credential: Credential, held: SharedEntry, version: int) -> Resolution:
        self._put(credential, held, version)
        return Resolution(answer=held.found, tier=Tier.REDIS, age=held.age, authority=held.authority)

    async def _reject(
        self, credential: Credential, visit: Visit, rejected: Rejected, authority: str, *, shared: bool
    ) -> Resolution:
        """Remember a rejection, and take away what said otherwise: it must not come back when the authority is down."""
        self._tiers.rejections.note(credential.fingerprint, rejected, authority)
        if self._tiers.memory.drop(credential.fingerprint) or shared:
            await visit.drop()
        await visit.release()
        return Resolution(answer=rejected, tier=Tier.AUTHORITY, authority=authority)

    def _stand_in(self, credential: Credential, held: SharedEntry | None, version: int) -> Resolution | None:
        """Return the youngest older answer, if there is one that may stand in for an authority that cannot be asked."""
        now = self._clock()
        kept, tier = self._tiers.memory.get(credential.fingerprint, now), Tier.MEMORY
        if held is not None and (kept is None or now - kept.looked_at > held.age):
            if self._status_of(credential, held.found, version) is not RevocationStatus.NONE:
                return None
            kept, tier = self._put(credential, held, version), Tier.REDIS
        if kept is None or now >= kept.until or now - kept.looked_at >= self._times.stale:
            return None
        kept.quiet_until = now + 1.0
        age = max(0.0, now - kept.looked_at)
        return Resolution(answer=kept.found(), tier=tier, age=age, stale=True, authority=kept.authority)

    def _put(self, credential: Credential, held: SharedEntry, version: int) -> CacheEntry:
        now = self._clock()
        kept = CacheEntry(
            encode(held.found), held.authority, self._handles(credential, held.found), now - held.age, version
        )
        fresh = self._times.fresh * (1 - self._times.jitter * self._chance())
        kept.fresh_until = kept.looked_at + fresh
        kept.aging_until = kept.looked_at + 2 * fresh
        kept.until = min(kept.looked_at + self._times.longest, ends_at(held.found))
        self._tiers.memory.put(credential.fingerprint, kept, now)
        return kept

    def _status_of(self, credential: Credential, found: Found, version: int) -> RevocationStatus:
        return self._tiers.endings.status_of(self._handles(credential, found), found, version)

    def _handles(self, credential: Credential, found: Found) -> tuple[bytes, ...]:
        names = self._tiers.names
        return names.ended_by(found, names.of(credential))


def _young(held: SharedEntry | None, acceptable: float) -> bool:
    return held is not None and held.age < acceptable
