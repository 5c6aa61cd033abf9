"""What Prometheus is told about this process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.telemetry.outcome import outcome_of
from gateway.telemetry.record import RequestRecord

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
_STATUSES = range(100, 600)  # RFC 9110 section 15
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: from what a memory hit adds to the default `timeouts.response`."""


class Metrics:
    """The registry of one process, and what every request adds to it.

    Other rooms add their own metrics to `registry`. A request is two dictionary look-ups and a few additions: the
    client library's counters take a lock and check labels each time, which would cost several times as much, so
    plain numbers are kept here and handed over when somebody asks. One event loop only.

    Every label is from a closed set, whatever callers send: doors and routes are the config's, a method or status that
    is not one of HTTP's is `other`.
    """

    def __init__(self, version: str, lost_lines: Callable[[], int]) -> None:
        # Else each counter has a second series, of its birth, which no dashboard asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this function unannotated
        self.registry = CollectorRegistry()
        self._requests: dict[tuple[str, str, str, int, str], int] = {}
        self._durations: dict[tuple[str, str], _Durations] = {}
        self._in_flight = 0
        self._version = version
        self._lost_lines = lost_lines
        self.registry.register(_Requests(self._collect))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def began(self) -> None:
        """Count a request that is now being served; `ended` must follow, whatever happens to it."""
        self._in_flight += 1

    def ended(self, record: RequestRecord) -> None:
        """Count a finished request. A tunnel's time says nothing of our pace, so it is left out of the durations."""
        self._in_flight -= 1
        decision = record.decision
        route = decision.route.name if decision is not None and decision.route is not None else ""
        method = record.method if record.method in _METHODS else _OTHER
        status = record.status if record.status in _STATUSES else 0
        key = (record.door, route, method, status, outcome_of(record))
        self._requests[key] = self._requests.get(key, 0) + 1
        if record.upgraded:
            return
        durations = self._durations.get((record.door, route))
        if durations is None:
            durations = self._durations[record.door, route] = _Durations()
        durations.add(record.finished - record.started)

    def render(self) -> tuple[bytes, str]:
        """Return everything that is registered, in the text exposition format, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def _collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "gateway_requests",
            "Requests that have ended, by how they were decided and answered; status `other` where nothing was sent.",
            labels=("door", "route", "method", "status", "decision"),
        )
        for (door, route, method, status, outcome), count in self._requests.items():
            requests.add_metric((door, route, method, str(status) if status else _OTHER, outcome), count)
        yield requests
        durations = HistogramMetricFamily(
            "gateway_request_duration_seconds",
            "Time from a request's head to the end of its answer, tunnels left out.",
            labels=("door", "route"),
        )
        for labels, cell in self._durations.items():
            durations.add_metric(labels, cell.buckets(), cell.total)
        yield durations
        yield GaugeMetricFamily(
            "gateway_requests_in_flight", "Requests that are being served, tunnels too.", self._in_flight
        )
        yield CounterMetricFamily("gateway_log_lines_lost", "Log lines that could not be written.", self._lost_lines())
        build = GaugeMetricFamily("gateway_build_info", "The version that is running; always 1.", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build


class _Durations:
    """One histogram's cell: counts beside each bucket's bound, and the sum, in seconds."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as the exposition format has them."""
        shown: list[tuple[str, float]] = []
        count = 0
        for bound, cell in zip((*map(str, _BUCKETS), "+Inf"), self._counts, strict=True):
            count += cell
            shown.append((bound, float(count)))
        return shown


class _Requests:
    """Hands the request numbers over when the registry is asked for them."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect
