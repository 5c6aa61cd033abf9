"""What is counted about carrying requests: connections to upstreams, faults, retries, open streams."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.telemetry.record import RequestRecord

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: from a neighbour's answer to the default `timeouts.response`."""


class UpstreamNumbers(msgspec.Struct, frozen=True):
    """One upstream, as its pool counts it. The last three only grow."""

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
    """What is open on the callers' side."""

    connections: int = 0
    tunnels: int = 0
    event_streams: int = 0


class ForwardingMetrics:
    """Plain numbers, handed over when somebody asks: a request adds to a list, a pool keeps its own counts.

    Labels are upstreams of the config and faults of a fixed set.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._upstreams: Callable[[], Iterable[UpstreamNumbers]] = tuple
        self._streams: Callable[[], StreamNumbers] = StreamNumbers
        self._faults: dict[tuple[str, str], int] = {}
        self._retries: dict[str, int] = {}
        self._seconds: dict[str, _Seconds] = {}
        registry.register(_Collected(self._collect))

    def show(self, upstreams: Callable[[], Iterable[UpstreamNumbers]], streams: Callable[[], StreamNumbers]) -> None:
        """Ask these from now on: those of the generation that serves."""
        self._upstreams = upstreams
        self._streams = streams

    def ended(self, record: RequestRecord) -> None:
        """Count a finished request that went, or should have gone, to an upstream."""
        if record.upstream_first_byte and not record.upgraded:
            seconds = self._seconds.get(record.upstream)
            if seconds is None:
                seconds = self._seconds[record.upstream] = _Seconds()
            seconds.add(record.upstream_first_byte - record.upstream_began)
        if record.fault:
            key = (record.upstream, record.fault)
            self._faults[key] = self._faults.get(key, 0) + 1
        if record.retried:
            self._retries[record.upstream] = self._retries.get(record.upstream, 0) + 1

    def _collect(self) -> Iterator[Metric]:
        yield from _upstream_metrics(self._upstreams())
        streams = self._streams()
        yield GaugeMetricFamily("gateway_client_connections", "Connections of callers.", streams.connections)
        opened = GaugeMetricFamily("gateway_open_streams", "Tunnels and event streams.", labels=("kind",))
        opened.add_metric(("tunnel",), streams.tunnels)
        opened.add_metric(("event_stream",), streams.event_streams)
        yield opened
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
        for upstream, cell in self._seconds.items():
            seconds.add_metric((upstream,), cell.buckets(), cell.total)
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
    known = tuple(numbers)
    for name, text in _GAUGES:
        gauge = GaugeMetricFamily(f"gateway_upstream_{name}", f"Per upstream: {text}", labels=("upstream",))
        for one in known:
            gauge.add_metric((one.upstream,), float(getattr(one, name)))
        yield gauge
    for name, text in _COUNTERS:
        counter = CounterMetricFamily(f"gateway_upstream_{name}", f"Per upstream: {text}", labels=("upstream",))
        for one in known:
            counter.add_metric((one.upstream,), getattr(one, name))
        yield counter


class _Seconds:
    """One histogram's cell."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as the exposition format has them."""
        shown: list[tuple[str, float]] = []
        count = 0
        for bound, cell in zip((*map(str, _BOUNDS), "+Inf"), self._counts, strict=True):
            count += cell
            shown.append((bound, float(count)))
        return shown


class _Collected:
    """Hands the numbers over when the registry is asked for them."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect
