from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.exposition import (
    DurationHistogram,
    FunctionCollector,
    Snapshot,
    cumulative,
    merge,
    render,
    snapshot,
)
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.resolution_metrics import ResolutionMetrics, SessionsState


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_own() -> None:
    durations = DurationHistogram()
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
    registry.register(FunctionCollector(collect))
    before = count
    assert f"asked_total {before + 1}.0".encode() in generate_latest(registry)
    assert f"asked_total {before + 2}.0".encode() in generate_latest(registry)


def values_of(one: Snapshot) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(render(one)[0].decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def worker(count: int, gauge: float, *seconds: float) -> Snapshot:
    registry = CollectorRegistry()
    Counter("c", "Counted.", ("label",), registry=registry).labels('a"b\\').inc(count)
    Gauge("g", "Held.", registry=registry).set(gauge)
    histogram = Histogram("h_seconds", "Taken.", buckets=(1.0, 2.0), registry=registry)
    for each in seconds:
        histogram.observe(each)
    return snapshot(registry)


def steady(body: bytes) -> set[bytes]:
    """Return the lines whose numbers stay the same while nothing is asked."""
    return {line for line in body.splitlines() if not line.startswith((b"process_", b"python_gc_"))}


def test_one_process_is_told_as_it_would_tell_itself() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 7)
    record = RequestRecord("r", 0.0)
    record.method, record.status = "GET", 200
    metrics.in_flight += 1
    metrics.ended(record)
    body, content_type = render(merge([snapshot(metrics.registry)]))
    assert steady(body) == steady(generate_latest(metrics.registry))
    assert content_type.startswith("text/plain; version=0.0.4")


def test_counters_histograms_and_amounts_add_up() -> None:
    sums = values_of(merge([worker(1, 10.0, 0.5, 1.5), worker(2, 20.0, 5.0)]))
    assert sums["c_total", (("label", 'a"b\\'),)] == 3
    assert sums["g", ()] == 30
    buckets = [sums["h_seconds_bucket", (("le", bound),)] for bound in ("1.0", "2.0", "+Inf")]
    assert buckets == [1, 2, 3]
    assert (sums["h_seconds_count", ()], sums["h_seconds_sum", ()]) == (3, 7.0)


@pytest.mark.parametrize(
    ("name", "values", "merged"),
    [
        ("gateway_redis_up", (1, 0), 0),
        ("gateway_upstream_available", (1, 1), 1),
        ("gateway_authority_breaker_open", (0, 1), 1),
        ("gateway_build_info", (1, 1), 1),
        ("process_start_time_seconds", (5, 3), 3),
        ("gateway_requests_in_flight", (2, 3), 5),
        ("process_resident_memory_bytes", (2, 3), 5),
    ],
)
def test_a_gauge_is_merged_as_its_meaning_asks(name: str, values: tuple[float, float], merged: float) -> None:
    snapshots = []
    for value in values:
        registry = CollectorRegistry()
        Gauge(name, "Text.", registry=registry).set(value)
        snapshots.append(snapshot(registry))
    assert values_of(merge(snapshots))[name, ()] == merged


def test_gauges_that_need_care_exist_by_these_names() -> None:
    metrics = RequestMetrics("1", lambda: 0)
    ResolutionMetrics(metrics.registry).read_from(lambda: SessionsState(redis_up=True, bus_up=True))
    names = {family.name for family in snapshot(metrics.registry)}
    assert {"gateway_redis_up", "gateway_revocation_bus_up", "gateway_authority_breaker_open"} <= names
    assert {"gateway_build_info", "process_start_time_seconds", "process_max_fds"} <= names


def test_of_a_process_that_has_ended_only_its_counts_last() -> None:
    gone = cumulative(worker(4, 10.0, 0.5))
    sums = values_of(merge([gone, worker(1, 20.0)]))
    assert sums["c_total", (("label", 'a"b\\'),)] == 5
    assert sums["g", ()] == 20
    assert sums["h_seconds_count", ()] == 1


def test_nothing_is_told_of_nobody() -> None:
    assert merge([]) == ()
    assert render(())[0] == b""
