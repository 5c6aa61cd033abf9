"""Metrics of forwarding: connections to upstreams, faults, retries, open streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.telemetry.exposition import DurationHistogram, FunctionCollector
from gateway.telemetry.record import RequestRecord


class UpstreamNumbers(msgspec.Struct, frozen=True):
    """The counts of one upstream's pool; the last three only grow."""

    upstream: str
    open: int
    idle: int
    waiting: int
    outstanding: int
    available: bool
    connects: int
    connect_faults: int
    ejections: int


class StreamNumbers(msgspec.Struct, frozen=True):
    """What is open towards callers."""

    connections: int = 0
    tunnels: int = 0
    event_streams: int = 0
    answers: int = 0


class ForwardingMetrics:
    """Plain numbers that are read on collection: a request adds to a dictionary, a pool has its own counts.

    Labels are upstreams of the config and faults of a fixed set.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._upstreams: Callable[[], Iterable[UpstreamNumbers]] = tuple
        self._streams: Callable[[], StreamNumbers] = StreamNumbers
        self._faults: dict[tuple[str, str], int] = {}
        self._retries: dict[str, int] = {}
        self._seconds: dict[str, DurationHistogram] = {}
        registry.register(FunctionCollector(self._collect))

    def read_from(
        self, upstreams: Callable[[], Iterable[UpstreamNumbers]], streams: Callable[[], StreamNumbers]
    ) -> None:
        """Read these from now on: those of the active generation."""
        self._upstreams = upstreams
        self._streams = streams

    def ended(self, record: RequestRecord) -> None:
        """Count a finished request that went, or should have gone, to an upstream."""
        if record.upstream_first_byte and not record.upgraded:
            histogram = self._seconds.get(record.upstream)
            if histogram is None:
                histogram = self._seconds[record.upstream] = DurationHistogram()
            histogram.add(record.upstream_first_byte - record.upstream_began)
        if record.fault:
            key = (record.upstream, record.fault)
            self._faults[key] = self._faults.get(key, 0) + 1
        if record.retried:
            self._retries[record.upstream] = self._retries.get(record.upstream, 0) + 1

    def _collect(self) -> Iterator[Metric]:
        yield from _upstream_metrics(self._upstreams())
        streams = self._streams()
        yield GaugeMetricFamily("gateway_client_connections", "Connections of callers.", streams.connections)
        open_streams = GaugeMetricFamily(
            "gateway_open_streams", "Tunnels, event streams, and answers that last for over a second.", labels=("kind",)
        )
        open_streams.add_metric(("tunnel",), streams.tunnels)
        open_streams.add_metric(("event_stream",), streams.event_streams)
        open_streams.add_metric(("answer",), streams.answers)
        yield open_streams
        faults = CounterMetricFamily(
            "gateway_upstream_faults", "Exchanges that failed, by why.", labels=("upstream", "fault")
        )
        for labels, count in self._faults.items():
            faults.add_metric(labels, count)
        yield faults
        retries = CounterMetricFamily(
            "gateway_upstream_retries", "Requests that were sent a second time.", labels=("upstream",)
        )
        for upstream, count in self._retries.items():
            retries.add_metric((upstream,), count)
        yield retries
        seconds = HistogramMetricFamily(
            "gateway_upstream_seconds",
            "Time from a request's way to the upstream to the first byte of its answer.",
            labels=("upstream",),
        )
        for upstream, histogram in self._seconds.items():
            seconds.add_metric((upstream,), histogram.buckets(), histogram.total)
        yield seconds


_GAUGES = (
    ("open", "Connections that are open or being made."),
    ("idle", "Connections that wait for a request."),
    ("waiting", "Requests that wait for a connection."),
    ("outstanding", "Requests that are on their way."),
    ("available", "1 while requests go there, 0 while it is left out."),
)
_COUNTERS = (
    ("connects", "Connections that were made."),
    ("connect_faults", "Connections that could not be made."),
    ("ejections", "Times that it was left out."),
)


def _upstream_metrics(numbers: Iterable[UpstreamNumbers]) -> Iterator[Metric]:
    upstreams = tuple(numbers)
    for name, text in _GAUGES:
        gauge = GaugeMetricFamily(f"gateway_upstream_{name}", f"Per upstream: {text}", labels=("upstream",))
        for each in upstreams:
            gauge.add_metric((each.upstream,), float(getattr(each, name)))
        yield gauge
    for name, text in _COUNTERS:
        counter = CounterMetricFamily(f"gateway_upstream_{name}", f"Per upstream: {text}", labels=("upstream",))
        for each in upstreams:
            counter.add_metric((each.upstream,), getattr(each, name))
        yield counter
