"""Whose session is it? From memory at once, else by one look-up for all who ask."""

from __future__ import annotations

from gateway.model.answers import Resolution, Tier
from gateway.model.credential import Credential
from gateway.sessions.activity import Activity
from gateway.sessions.lookup import Lookups
from gateway.sessions.session_cache import SessionCache
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_MEMORY = Tier.MEMORY  # in Python 3.11 a member that is looked up in its class costs as much as three calls


class Resolver:
    """Turns a credential into a Resolution; never raises for a fault of a tier or an authority.

    A hit in memory does not suspend. A cached answer says who somebody is, never what they may do: each request is
    judged by its own route's rules.
    """

    def __init__(self, cache: SessionCache, lookups: Lookups, activity: Activity, metrics: ResolutionMetrics) -> None:
        self._memory = cache.memory
        self._negative_cache = cache.negative_cache
        self._times = cache.times
        self._now = cache.now
        self._lookups = lookups
        self._activity = activity
        self._metrics = metrics

    def remembered(self, credential: Credential) -> Resolution | None:
        """Return whose session this is if memory may say so; None when it has to be looked up."""
        now = self._now()
        resolution = self._from_memory(credential, now, refresh=True)
        if resolution is not None:
            self._metrics.resolved(resolution)
            self._activity.record(resolution, now)
        return resolution

    async def resolve(self, credential: Credential, client: str = "") -> Resolution:
        """Return whose session this is, from the nearest tier that may say so.

        `client` is the address of whoever shows the credential; empty for our own questions.
        """
        resolution = self.remembered(credential)
        if resolution is None:
            resolution = await self._lookups.find(credential, 2 * self._times.fresh, client)
            self._metrics.resolved(resolution)
            self._activity.record(resolution, self._now())
        return resolution

    async def peek(self, credential: Credential, client: str = "") -> Resolution:  # noqa: ARG002 - as `resolve`
        """Resolve without a trace: no fills, no refresh, no activity, no count."""
        resolution = self._from_memory(credential, self._now(), refresh=False)
        return resolution if resolution is not None else await self._lookups.peek(credential)

    def _from_memory(self, credential: Credential, now: float, *, refresh: bool) -> Resolution | None:
        entry = self._memory.get(credential.fingerprint, now)
        if entry is None:
            return self._from_negative_cache(credential, now)
        age = now - entry.looked_up_at
        age = max(0.0, age)
        if now < entry.aging_until:
            if refresh and now >= entry.fresh_until and now >= entry.retry_at:
                # one flight: whoever comes once the answer is too old joins the refresh that is under way
                self._lookups.refresh(credential, self._times.surely_fresh)
            return Resolution(answer=entry.found(), tier=_MEMORY, age=age, authority=entry.authority)
        if now < entry.retry_at and age < self._times.stale:
            return Resolution(answer=entry.found(), tier=_MEMORY, age=age, stale=True, authority=entry.authority)
        return self._from_negative_cache(credential, now)

    def _from_negative_cache(self, credential: Credential, now: float) -> Resolution | None:
        entry = self._negative_cache.get(credential.fingerprint, now)
        if entry is None:
            return None
        age = max(0.0, now - entry.since)
        return Resolution(answer=entry.rejected, tier=_MEMORY, age=age, authority=entry.authority)
