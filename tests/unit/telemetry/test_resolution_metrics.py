from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.resolution import NOBODY, Resolution, Tier
from gateway.model.session import Session
from gateway.telemetry.resolution_metrics import ResolutionMetrics

FOUND = Found(Session(subject="user-1"))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ResolutionMetrics:
    return ResolutionMetrics(registry)


@pytest.mark.parametrize(
    ("resolution", "tier", "outcome"),
    [
        (Resolution(answer=FOUND, tier=Tier.MEMORY), "memory", "found"),
        (Resolution(answer=FOUND, tier=Tier.REDIS, stale=True), "redis", "stale"),
        (Resolution(answer=Rejected(Reason.GONE), tier=Tier.AUTHORITY), "authority", "rejected"),
        (Resolution(answer=Unavailable("down"), tier=Tier.AUTHORITY), "authority", "unavailable"),
    ],
)
def test_resolutions_are_counted_by_tier_and_outcome(
    registry: CollectorRegistry, metrics: ResolutionMetrics, resolution: Resolution, tier: str, outcome: str
) -> None:
    metrics.resolved(resolution)
    metrics.resolved(resolution)
    assert registry.get_sample_value("gateway_resolutions_total", {"tier": tier, "outcome": outcome}) == 2


def test_nobody_is_no_resolution(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    metrics.resolved(NOBODY)
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    assert sum(sample.value for sample in samples if sample.name == "gateway_resolutions_total") == 0


def test_every_series_is_there_from_the_beginning(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    """A rate over a series that appears with its first event misses that event."""
    metrics.resolved(NOBODY)
    value = registry.get_sample_value
    assert value("gateway_resolutions_total", {"tier": "redis", "outcome": "stale"}) == 0
    assert value("gateway_redis_faults_total", {"operation": "fill"}) == 0
    assert value("gateway_revocations_total", {"origin": "heard"}) == 0


def test_an_episode_is_counted_when_it_begins(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    for reachable in (False, True, False):
        metrics.redis_reachable(reachable=reachable)
        metrics.bus_heard(heard=reachable)
    value = registry.get_sample_value
    assert (value("gateway_redis_up"), value("gateway_redis_episodes_total")) == (0, 2)
    assert (value("gateway_revocation_bus_up"), value("gateway_revocation_bus_losses_total")) == (0, 2)


def test_the_number_of_kept_sessions_is_read_when_it_is_asked_for(
    registry: CollectorRegistry, metrics: ResolutionMetrics
) -> None:
    kept = [1]
    metrics.sessions_counted_by(lambda: len(kept))
    kept.append(2)
    assert registry.get_sample_value("gateway_memory_sessions") == 2


def test_an_authority_that_is_given_up_shows(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    metrics.authority_breaker("accounts", is_open=True)
    metrics.authority_answered("accounts", "unavailable", 0.2)
    value = registry.get_sample_value
    assert value("gateway_authority_breaker_open", {"authority": "accounts"}) == 1
    labels = {"authority": "accounts", "outcome": "unavailable"}
    assert value("gateway_authority_seconds_sum", labels) == 0.2
