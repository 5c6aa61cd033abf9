from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from gateway.telemetry.forwarding_metrics import ForwardingMetrics, StreamNumbers, UpstreamNumbers
from gateway.telemetry.record import RequestRecord


def record(**facts: object) -> RequestRecord:
    made = RequestRecord("r", 0.0)
    made.upstream = "http://up:1"
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def exposed(registry: CollectorRegistry) -> set[str]:
    return set(generate_latest(registry).decode().splitlines())


def test_exchanges_are_counted_by_upstream_and_fault() -> None:
    registry = CollectorRegistry()
    metrics = ForwardingMetrics(registry)
    metrics.ended(record(upstream_began=1.0, upstream_first_byte=1.004))
    metrics.ended(record(fault="truncated", upstream_began=1.0, upstream_first_byte=3.0))
    metrics.ended(record(fault="connect refused", retried=True))
    metrics.ended(record(upgraded=True, upstream_began=1.0, upstream_first_byte=900.0))
    lines = exposed(registry)
    assert 'gateway_upstream_seconds_bucket{le="0.0025",upstream="http://up:1"} 0.0' in lines
    assert 'gateway_upstream_seconds_bucket{le="0.005",upstream="http://up:1"} 1.0' in lines
    assert 'gateway_upstream_seconds_count{upstream="http://up:1"} 2.0' in lines
    assert 'gateway_upstream_faults_total{fault="truncated",upstream="http://up:1"} 1.0' in lines
    assert 'gateway_upstream_faults_total{fault="connect refused",upstream="http://up:1"} 1.0' in lines
    assert 'gateway_upstream_retries_total{upstream="http://up:1"} 1.0' in lines


def test_pools_and_streams_are_asked_when_somebody_looks() -> None:
    registry = CollectorRegistry()
    metrics = ForwardingMetrics(registry)
    assert "gateway_client_connections 0.0" in exposed(registry)
    numbers = UpstreamNumbers(
        upstream="http://up:1", open=3, idle=1, waiting=4, outstanding=2, available=True, connects=9, connect_faults=5,
        ejections=1,
    )  # fmt: skip
    metrics.read_from(lambda: [numbers], lambda: StreamNumbers(connections=7, tunnels=2, event_streams=1))
    lines = exposed(registry)
    assert 'gateway_upstream_open{upstream="http://up:1"} 3.0' in lines
    assert 'gateway_upstream_available{upstream="http://up:1"} 1.0' in lines
    assert 'gateway_upstream_connects_total{upstream="http://up:1"} 9.0' in lines
    assert "gateway_client_connections 7.0" in lines
    assert 'gateway_open_streams{kind="tunnel"} 2.0' in lines
