from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.exposition import render, snapshot
from gateway.telemetry.metrics import RequestMetrics, WorkerGroupMetrics
from gateway.telemetry.record import RequestRecord
from tests.support.builders.records import decision, finished

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def served(metrics: RequestMetrics, *records: RequestRecord) -> None:
    for record in records:
        metrics.in_flight += 1
        metrics.ended(record)


def samples(metrics: RequestMetrics) -> Samples:
    text, content_type = render(snapshot(metrics.registry))
    assert content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def requests(found: Samples) -> dict[tuple[str, ...], float]:
    """Return the counts by decision, endpoint, method, route and status."""
    return {
        tuple(value for _, value in labels): count
        for (name, labels), count in found.items()
        if name == "gateway_requests_total"
    }


def test_requests_are_counted_by_what_became_of_them() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    refused = decision(Refusal(RefusalCode.FORBIDDEN))
    served(metrics, finished(decision()), finished(decision()), finished(refused, 403), finished(None, 400))
    assert requests(samples(metrics)) == {
        ("allowed", "proxy", "GET", "orders", "200"): 2,
        ("refused", "proxy", "GET", "orders", "403"): 1,
        ("refused", "proxy", "GET", "", "400"): 1,
    }


def test_callers_cannot_make_up_labels() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    for number in range(100):
        record = finished(None, 400 if number else 0)
        record.method = f"X{number}"
        record.path = f"/{number}"
        record.host = f"h{number}"
        served(metrics, record)
    served(metrics, finished(None, 999))
    assert requests(samples(metrics)) == {
        ("refused", "proxy", "other", "", "400"): 99,
        ("allowed", "proxy", "other", "", "other"): 1,
        ("error", "proxy", "GET", "", "other"): 1,
    }


def test_durations_fall_into_buckets_and_add_up() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    for seconds in (0.0009, 0.004, 0.004, 120.0):
        record = finished(decision())
        record.finished = record.started + seconds
        served(metrics, record)
    found = samples(metrics)
    labels = (("endpoint", "proxy"), ("route", "orders"))
    buckets = {
        dict(of)["le"]: count
        for (name, of), count in found.items()
        if name == "gateway_request_duration_seconds_bucket"
    }
    assert (buckets["0.001"], buckets["0.0025"], buckets["0.005"], buckets["60.0"], buckets["+Inf"]) == (1, 1, 3, 3, 4)
    assert found["gateway_request_duration_seconds_count", labels] == 4
    assert abs(found["gateway_request_duration_seconds_sum", labels] - 120.0089) < 1e-9


def test_a_tunnel_is_counted_but_not_timed() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    tunnel = finished(decision(), 101)
    tunnel.upgraded = True
    served(metrics, tunnel)
    found = samples(metrics)
    assert requests(found) == {("allowed", "proxy", "GET", "orders", "101"): 1}
    assert not [name for name, _ in found if name.startswith("gateway_request_duration")]


def test_requests_in_flight_rise_and_fall() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    metrics.in_flight += 1
    metrics.in_flight += 1
    assert samples(metrics)["gateway_requests_in_flight", ()] == 2
    metrics.ended(finished(decision()))
    assert samples(metrics)["gateway_requests_in_flight", ()] == 1


def test_the_process_its_version_and_lost_lines_are_told() -> None:
    found = samples(RequestMetrics("1.2.3", lambda: 7))
    assert found["gateway_build_info", (("version", "1.2.3"),)] == 1
    assert found["gateway_log_lines_lost_total", ()] == 7
    assert found["process_resident_memory_bytes", ()] > 0


def test_other_rooms_metrics_stand_beside_without_creation_times() -> None:
    metrics = RequestMetrics("1.2.3", lambda: 0)
    Counter("gateway_resolutions", "Resolutions.", ["tier"], registry=metrics.registry).labels("memory").inc()
    found = samples(metrics)
    assert found["gateway_resolutions_total", (("tier", "memory"),)] == 1
    assert not [name for name, _ in found if name.endswith("_created")]


def test_two_processes_worth_of_metrics_can_live_side_by_side() -> None:
    one, other = RequestMetrics("1.2.3", lambda: 0), RequestMetrics("1.2.3", lambda: 0)
    served(one, finished(decision()))
    assert requests(samples(other)) == {}


def test_workers_ends_and_reloads_are_counted() -> None:
    registry, now, workers = CollectorRegistry(), [100.0], [2]
    metrics = WorkerGroupMetrics(registry, lambda: now[0])
    metrics.count_workers(lambda: workers[0], lambda: 3)
    metrics.loaded()
    metrics.worker_ended()
    workers[0] = 1
    now[0] = 200.0
    metrics.reloaded(done=False)
    assert registry.get_sample_value("gateway_config_loaded_at_seconds") == 100.0
    metrics.reloaded(done=True)
    assert registry.get_sample_value("gateway_workers") == 1
    assert registry.get_sample_value("gateway_workers_wanted") == 3
    assert registry.get_sample_value("gateway_workers_replaced_total") == 1
    assert registry.get_sample_value("gateway_config_reloads_total", {"outcome": "done"}) == 1
    assert registry.get_sample_value("gateway_config_reloads_total", {"outcome": "failed"}) == 1
    assert registry.get_sample_value("gateway_config_loaded_at_seconds") == 200.0
