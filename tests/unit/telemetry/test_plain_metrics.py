from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from gateway.telemetry.plain_metrics import Collected, Durations


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_own() -> None:
    durations = Durations()
    for seconds in (0.001, 0.0011, 0.2, 100.0):
        durations.add(seconds)
    buckets = dict(durations.buckets())
    assert (buckets["0.001"], buckets["0.0025"], buckets["0.25"], buckets["60.0"], buckets["+Inf"]) == (1, 2, 3, 3, 4)
    assert durations.total == 0.001 + 0.0011 + 0.2 + 100.0


def test_a_function_is_asked_each_time_the_registry_is() -> None:
    count = 0

    def collect() -> Iterator[Metric]:
        nonlocal count
        count += 1
        yield CounterMetricFamily("asked", "Times.", count)

    registry = CollectorRegistry()
    registry.register(Collected(collect))
    before = count
    assert f"asked_total {before + 1}.0".encode() in generate_latest(registry)
    assert f"asked_total {before + 2}.0".encode() in generate_latest(registry)
