"""Metrics of finding out whose session a request shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.model.answers import Found, Rejected, Resolution, Throttled, Tier, Unavailable, Undecided
from gateway.telemetry.exposition import FunctionCollector

_AUTHORITY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ANSWERS: dict[type, str] = {
    Found: "found",
    Rejected: "rejected",
    Unavailable: "unavailable",
    Undecided: "undecided",
    Throttled: "throttled",
}
"""The label of a resolution; a found one that is stale is labelled `stale`."""
_REDIS_OPERATIONS = ("read", "fill", "lease", "drop", "revoke", "limit")


_NO_TIER = Tier.NONE  # looked up once: see `gateway.sessions.resolver`


class SessionsState(msgspec.Struct, frozen=True):
    """The state of one generation's sessions. Without Redis the first two are None.

    `breakers_open` says of each authority whether its breaker is open.
    """

    redis_up: bool | None = None
    bus_up: bool | None = None
    sessions: int = 0
    breakers_open: Mapping[str, bool] = {}


class ResolutionMetrics:
    """Counters of tiers, outcomes and outages. Every label is from a fixed set or the config.

    Gauges are read from the active generation: one that an earlier generation had set would stay as it was.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._state: Callable[[], SessionsState] = SessionsState
        self._resolutions = dict.fromkeys(
            product((Tier.MEMORY, Tier.REDIS, Tier.AUTHORITY), _ANSWERS, (False, True)), 0
        )
        registry.register(FunctionCollector(self._collect))
        faults = Counter("gateway_redis_faults", "Questions that Redis failed.", ("operation",), registry=registry)
        self._redis_faults = {operation: faults.labels(operation) for operation in _REDIS_OPERATIONS}
        self._redis_episodes = Counter("gateway_redis_episodes", "Times that Redis was given up.", registry=registry)
        self._bus_losses = Counter(
            "gateway_revocation_bus_losses", "Times that the bus could no longer be heard.", registry=registry
        )
        revocations = Counter(
            "gateway_revocations", "Revocations and changes made here or heard.", ("origin",), registry=registry
        )
        self._revocations = {origin: revocations.labels(origin) for origin in ("own", "heard", "unreadable")}
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
        if resolution.tier is not _NO_TIER:
            self._resolutions[resolution.tier, type(resolution.answer), resolution.stale] += 1

    def _collect(self) -> Iterator[Metric]:
        resolutions = CounterMetricFamily(
            "gateway_resolutions", "Credentials resolved, by tier and outcome.", labels=("tier", "outcome")
        )
        for (tier, answer, stale), count in self._resolutions.items():
            if answer is Found or not stale:
                resolutions.add_metric((tier.value, "stale" if stale else _ANSWERS[answer]), count)
        yield resolutions
        yield from _state_metrics(self._state())

    def read_from(self, state: Callable[[], SessionsState]) -> None:
        """Read this from now on: that of the active generation."""
        self._state = state

    def redis_fault(self, operation: str) -> None:
        """Count a Redis operation that failed."""
        self._redis_faults[operation].inc()

    def redis_given_up(self) -> None:
        """Count that the breaker of Redis opened."""
        self._redis_episodes.inc()

    def bus_lost(self) -> None:
        """Count that the revocation bus was lost."""
        self._bus_losses.inc()

    def revoked(self, origin: str) -> None:
        """Count a revocation or change; `origin` is `own`, `heard`, or `unreadable` for what the bus brought."""
        self._revocations[origin].inc()

    def authority_answered(self, authority: str, outcome: str, seconds: float) -> None:
        """Add the seconds that an authority took; `outcome` is found, rejected, not_mine, undecided or unavailable."""
        self._authority_seconds.labels(authority, outcome).observe(seconds)

    def activity_dropped(self) -> None:
        """Count a note of last activity that was dropped because too many were waiting."""
        self._activity_dropped.inc()


def _state_metrics(state: SessionsState) -> Iterator[Metric]:
    if state.redis_up is not None:
        yield GaugeMetricFamily(
            "gateway_redis_up", "1 while Redis is asked, 0 while it is given up.", float(state.redis_up)
        )
    if state.bus_up is not None:
        yield GaugeMetricFamily(
            "gateway_revocation_bus_up",
            "1 while revocations of other processes are heard.",
            float(state.bus_up),
        )
    breakers = GaugeMetricFamily(
        "gateway_authority_breaker_open", "1 while an authority is not asked.", labels=("authority",)
    )
    for authority, is_open in state.breakers_open.items():
        breakers.add_metric((authority,), float(is_open))
    yield breakers
    yield GaugeMetricFamily("gateway_memory_sessions", "Sessions kept in this process.", state.sessions)
