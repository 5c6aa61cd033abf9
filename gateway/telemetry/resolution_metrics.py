"""What is counted about finding out whose session it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric

from gateway.model.answers import Found, Rejected, Unavailable
from gateway.model.resolution import Resolution, Tier
from gateway.telemetry.plain_metrics import Collected

_AUTHORITY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ANSWERS: dict[type, str] = {Found: "found", Rejected: "rejected", Unavailable: "unavailable"}
"""What a resolution is counted as; a found one that is stale is `stale`."""
_REDIS_OPERATIONS = ("read", "fill", "lease", "drop", "revoke", "limit")


class ResolutionMetrics:
    """Counters of tiers, outcomes and episodes. Every label is out of a fixed set or the config; children are held."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._resolutions = dict.fromkeys(
            product((Tier.MEMORY, Tier.REDIS, Tier.AUTHORITY), _ANSWERS, (False, True)), 0
        )
        registry.register(Collected(self._collect))
        faults = Counter("gateway_redis_faults", "Questions that Redis failed.", ("operation",), registry=registry)
        self._redis_faults = {operation: faults.labels(operation) for operation in _REDIS_OPERATIONS}
        self._redis_up = Gauge("gateway_redis_up", "1 while Redis is asked, 0 while it is given up.", registry=registry)
        self._redis_episodes = Counter("gateway_redis_episodes", "Times that Redis was given up.", registry=registry)
        self._bus_heard = Gauge(
            "gateway_revocation_bus_up", "1 while revocations of other processes are heard.", registry=registry
        )
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
        self._breaker_open = Gauge(
            "gateway_authority_breaker_open", "1 while an authority is not asked.", ("authority",), registry=registry
        )
        self._activity_dropped = Counter(
            "gateway_activity_dropped", "Notes of last activity that were given up.", registry=registry
        )
        self._sessions = Gauge("gateway_memory_sessions", "Sessions kept in this process.", registry=registry)

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

    def sessions_counted_by(self, count: Callable[[], int]) -> None:
        """Take the number of kept sessions from `count` whenever metrics are collected."""
        self._sessions.set_function(count)

    def redis_fault(self, operation: str) -> None:
        """Count a question that Redis failed."""
        self._redis_faults[operation].inc()

    def redis_reachable(self, *, reachable: bool) -> None:
        """Note that an episode of unreachability begins or ends."""
        self._redis_up.set(reachable)
        if not reachable:
            self._redis_episodes.inc()

    def bus_heard(self, *, heard: bool) -> None:
        """Note that revocations can, or can no longer, be heard."""
        self._bus_heard.set(heard)
        if not heard:
            self._bus_losses.inc()

    def revoked(self, origin: str) -> None:
        """Count a revocation or change; `origin` is `own` or `heard`."""
        self._revocations[origin].inc()

    def authority_answered(self, authority: str, outcome: str, seconds: float) -> None:
        """Note how long an authority took; `outcome` is found, rejected, not_mine or unavailable."""
        self._authority_seconds.labels(authority, outcome).observe(seconds)

    def authority_breaker(self, authority: str, *, is_open: bool) -> None:
        """Note that an authority is given up, or asked again."""
        self._breaker_open.labels(authority).set(is_open)

    def activity_dropped(self) -> None:
        """Count a note of last activity that was given up because too many waited."""
        self._activity_dropped.inc()
