"""Whose session is it? From memory at once, else by one look-up for all who ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.model.credential import Credential
from gateway.model.resolution import Resolution, Tier
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity
from gateway.sessions.lookup import Lookups, Tiers
from gateway.sessions.times import CacheTimes
from gateway.telemetry.resolution_metrics import ResolutionMetrics


class Resolver:
    """Turns a credential into a Resolution; never raises for a fault of a tier or an authority.

    A hit in memory does not suspend.

    A cached answer says who somebody is, never what they may do: each request is judged by its own route's rules.
    """

    def __init__(
        self,
        *,
        tiers: Tiers,
        look_ups: Lookups,
        times: CacheTimes,
        clock: Callable[[], float],
        tasks: TaskKeeper,
        activity: Activity,
        metrics: ResolutionMetrics,
    ) -> None:
        self._memory = tiers.memory
        self._rejections = tiers.rejections
        self._look_ups = look_ups
        self._times = times
        self._clock = clock
        self._flights: SingleFlight[bytes, Resolution] = SingleFlight(tasks, "session look-up")
        self._activity = activity
        self._metrics = metrics

    async def resolve(self, credential: Credential) -> Resolution:
        """Return whose session this is, from the nearest tier that may say so."""
        now = self._clock()
        resolution = self._from_memory(credential, now, refresh=True)
        if resolution is None:
            work = partial(self._look_ups.find, credential, 2 * self._times.fresh)
            resolution = await self._flights.fly(credential.fingerprint, work)
        self._metrics.resolved(resolution)
        self._activity.saw(resolution, now)
        return resolution

    async def look(self, credential: Credential) -> Resolution:
        """Resolve without leaving a trace: no fills, no refresh, no activity, no count."""
        kept = self._from_memory(credential, self._clock(), refresh=False)
        return kept if kept is not None else await self._look_ups.look(credential)

    def _from_memory(self, credential: Credential, now: float, *, refresh: bool) -> Resolution | None:
        kept = self._memory.get(credential.fingerprint, now)
        if kept is None:
            return self._rejected(credential, now)
        age = max(0.0, now - kept.looked_at)
        if now < kept.aging_until:
            if refresh and now >= kept.fresh_until and now >= kept.quiet_until:
                # one flight: whoever comes once the answer is too old joins the refresh that is under way
                work = partial(self._look_ups.find, credential, self._times.surely_fresh)
                self._flights.start(credential.fingerprint, work)
            return Resolution(answer=kept.found(), tier=Tier.MEMORY, age=age, authority=kept.authority)
        if now < kept.quiet_until and age < self._times.stale:
            return Resolution(answer=kept.found(), tier=Tier.MEMORY, age=age, stale=True, authority=kept.authority)
        return self._rejected(credential, now)

    def _rejected(self, credential: Credential, now: float) -> Resolution | None:
        noted = self._rejections.get(credential.fingerprint, now)
        if noted is None:
            return None
        rejected, authority, age = noted
        return Resolution(answer=rejected, tier=Tier.MEMORY, age=age, authority=authority)
