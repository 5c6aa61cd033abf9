import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.merging import Snapshot, lasting, merge, render, snapshot
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.resolution_metrics import ResolutionMetrics, SessionsState


def told(one: Snapshot) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
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
    metrics = Metrics("1.2.3", lambda: 7)
    record = RequestRecord("r", 0.0)
    record.method, record.status = "GET", 200
    metrics.in_flight += 1
    metrics.ended(record)
    body, content_type = render(merge([snapshot(metrics.registry)]))
    assert steady(body) == steady(metrics.render()[0])
    assert content_type == metrics.render()[1]


def test_counters_histograms_and_amounts_add_up() -> None:
    sums = told(merge([worker(1, 10.0, 0.5, 1.5), worker(2, 20.0, 5.0)]))
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
    assert told(merge(snapshots))[name, ()] == merged


def test_gauges_that_need_care_exist_by_these_names() -> None:
    metrics = Metrics("1", lambda: 0)
    ResolutionMetrics(metrics.registry).show(lambda: SessionsState(redis_up=True, bus_up=True))
    names = {family.name for family in snapshot(metrics.registry)}
    assert {"gateway_redis_up", "gateway_revocation_bus_up", "gateway_authority_breaker_open"} <= names
    assert {"gateway_build_info", "process_start_time_seconds", "process_max_fds"} <= names


def test_of_a_process_that_has_ended_only_its_counts_last() -> None:
    gone = lasting(worker(4, 10.0, 0.5))
    sums = told(merge([gone, worker(1, 20.0)]))
    assert sums["c_total", (("label", 'a"b\\'),)] == 5
    assert sums["g", ()] == 20
    assert sums["h_seconds_count", ()] == 1


def test_nothing_is_told_of_nobody() -> None:
    assert merge([]) == ()
    assert render(())[0] == b""
