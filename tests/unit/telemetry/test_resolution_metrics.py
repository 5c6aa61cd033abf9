from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from gateway.model.answers import NOBODY, Found, Reason, Rejected, Resolution, Tier, Unavailable
from gateway.model.session import Session
from gateway.telemetry.resolution_metrics import ResolutionMetrics, SessionsState

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


def test_episodes_are_counted(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    for _ in range(2):
        metrics.redis_given_up()
        metrics.bus_lost()
    value = registry.get_sample_value
    assert value("gateway_redis_episodes_total") == 2
    assert value("gateway_revocation_bus_losses_total") == 2


def test_how_things_stand_is_asked_of_whoever_serves_whenever_somebody_wants_to_know(
    registry: CollectorRegistry, metrics: ResolutionMetrics
) -> None:
    standing = [SessionsState(redis_up=True, bus_up=False, sessions=2, breakers_open={"accounts": True, "chat": False})]
    metrics.read_from(lambda: standing[0])
    value = registry.get_sample_value
    assert (value("gateway_redis_up"), value("gateway_revocation_bus_up")) == (1, 0)
    assert value("gateway_memory_sessions") == 2
    breakers = [value("gateway_authority_breaker_open", {"authority": name}) for name in ("accounts", "chat")]
    assert breakers == [1, 0]
    standing[0] = SessionsState(redis_up=False, bus_up=True, sessions=3)
    assert (value("gateway_redis_up"), value("gateway_revocation_bus_up")) == (0, 1)
    assert value("gateway_memory_sessions") == 3
    assert value("gateway_authority_breaker_open", {"authority": "accounts"}) is None


def test_a_redis_that_the_config_does_not_have_is_not_down(
    registry: CollectorRegistry, metrics: ResolutionMetrics
) -> None:
    metrics.read_from(lambda: SessionsState(sessions=1))
    assert registry.get_sample_value("gateway_redis_up") is None
    assert registry.get_sample_value("gateway_revocation_bus_up") is None


def test_answers_of_an_authority_are_timed(registry: CollectorRegistry, metrics: ResolutionMetrics) -> None:
    metrics.authority_answered("accounts", "unavailable", 0.2)
    value = registry.get_sample_value
    labels = {"authority": "accounts", "outcome": "unavailable"}
    assert value("gateway_authority_seconds_sum", labels) == 0.2
