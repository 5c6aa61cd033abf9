"""What is counted about finding out whose session it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.model.answers import Found, Rejected, Resolution, Tier, Unavailable
from gateway.telemetry.plain_metrics import Collected

_AUTHORITY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ANSWERS: dict[type, str] = {Found: "found", Rejected: "rejected", Unavailable: "unavailable"}
"""What a resolution is counted as; a found one that is stale is `stale`."""
_REDIS_OPERATIONS = ("read", "fill", "lease", "drop", "revoke", "limit")


class SessionsState(msgspec.Struct, frozen=True):
    """How one config stands at a moment. Without Redis the first two are None: what is not there cannot be down.

    `given_up` tells of each authority whether it is not asked for now.
    """

    redis_up: bool | None = None
    bus_up: bool | None = None
    sessions: int = 0
    given_up: Mapping[str, bool] = {}


class ResolutionMetrics:
    """Counters of tiers, outcomes and episodes. Every label is out of a fixed set or the config; children are held.

    How things stand is asked of the generation that serves: a gauge that was set by an earlier one would stay as it
    was, with nobody left to set it right.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._standing: Callable[[], SessionsState] = SessionsState
        self._resolutions = dict.fromkeys(
            product((Tier.MEMORY, Tier.REDIS, Tier.AUTHORITY), _ANSWERS, (False, True)), 0
        )
        registry.register(Collected(self._collect))
        faults = Counter("gateway_redis_faults", "Questions that Redis failed.", ("operation",), registry=registry)
        self._redis_faults = {operation: faults.labels(operation) for operation in _REDIS_OPERATIONS}
        self._redis_episodes = Counter("gateway_redis_episodes", "Times that Redis was given up.", registry=registry)
        self._bus_losses = Counter(
            "gateway_revocation_bus_losses", "Times that the bus could no longer be heard.", registry=registry
        )
        revocations = Counter(
            "gateway_revocations", "Revocations and changes made here or heard.", ("origin",), registry=registry
        )
        self._revocations = {origin: revocations.labels(origin) for origin in ("own", "heard")}
        self._authority_seconds = Histogram(
            "gateway_authority_seconds",
            "Time that an authority took to answer.",
            ("authority", "outcome"),
            buckets=_AUTHORITY_SECONDS,
            registry=registry,
        )
        self._activity_dropped = Counter(
            "gateway_activity_dropped", "Notes of last activity that were given up.", registry=registry
        )

    def resolved(self, resolution: Resolution) -> None:
        """Count one resolution."""
        if resolution.tier is not Tier.NONE:
            self._resolutions[resolution.tier, type(resolution.answer), resolution.stale] += 1

    def _collect(self) -> Iterator[Metric]:
        resolutions = CounterMetricFamily(
            "gateway_resolutions", "Credentials resolved, by tier and outcome.", labels=("tier", "outcome")
        )
        for (tier, answer, stale), count in self._resolutions.items():
            if answer is Found or not stale:
                resolutions.add_metric((tier.value, "stale" if stale else _ANSWERS[answer]), count)
        yield resolutions
        yield from _standing_metrics(self._standing())

    def show(self, standing: Callable[[], SessionsState]) -> None:
        """Ask this from now on: that of the generation that serves."""
        self._standing = standing

    def redis_fault(self, operation: str) -> None:
        """Count a question that Redis failed."""
        self._redis_faults[operation].inc()

    def redis_given_up(self) -> None:
        """Count an episode of unreachability."""
        self._redis_episodes.inc()

    def bus_lost(self) -> None:
        """Count that revocations can no longer be heard."""
        self._bus_losses.inc()

    def revoked(self, origin: str) -> None:
        """Count a revocation or change; `origin` is `own` or `heard`."""
        self._revocations[origin].inc()

    def authority_answered(self, authority: str, outcome: str, seconds: float) -> None:
        """Note how long an authority took; `outcome` is found, rejected, not_mine or unavailable."""
        self._authority_seconds.labels(authority, outcome).observe(seconds)

    def activity_dropped(self) -> None:
        """Count a note of last activity that was given up because too many waited."""
        self._activity_dropped.inc()


def _standing_metrics(standing: SessionsState) -> Iterator[Metric]:
    if standing.redis_up is not None:
        yield GaugeMetricFamily(
            "gateway_redis_up", "1 while Redis is asked, 0 while it is given up.", float(standing.redis_up)
        )
    if standing.bus_up is not None:
        yield GaugeMetricFamily(
            "gateway_revocation_bus_up",
            "1 while revocations of other processes are heard.",
            float(standing.bus_up),
        )
    breakers = GaugeMetricFamily(
        "gateway_authority_breaker_open", "1 while an authority is not asked.", labels=("authority",)
    )
    for authority, given_up in standing.given_up.items():
        breakers.add_metric((authority,), float(given_up))
    yield breakers
    yield GaugeMetricFamily("gateway_memory_sessions", "Sessions kept in this process.", standing.sessions)
