from prometheus_client import CollectorRegistry

from gateway.telemetry.runtime_metrics import RuntimeMetrics


def test_workers_ends_and_reloads_are_counted() -> None:
    registry, now, workers = CollectorRegistry(), [100.0], [2]
    metrics = RuntimeMetrics(registry, lambda: now[0])
    metrics.workers_counted_by(lambda: workers[0], lambda: 3)
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
