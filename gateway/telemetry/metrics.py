"""What Prometheus is told about this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.telemetry.outcome import outcome_of
from gateway.telemetry.plain_metrics import Collected, Durations
from gateway.telemetry.record import RequestRecord

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
_STATUSES = range(100, 600)  # RFC 9110 section 15


class Metrics:
    """The registry of one process, and what every request adds to it.

    Other rooms add their own metrics to `registry`. A request is two dictionary look-ups and a few additions.

    Every label is from a closed set, whatever callers send: endpoints and routes are the config's, a method or status
    that is not one of HTTP's is `other`. `in_flight` are the requests that are being served: whoever adds one calls
    `ended` for it, whatever happens to it.
    """

    def __init__(self, version: str, lost_lines: Callable[[], int]) -> None:
        # Else each counter has a second series, of its birth, which no dashboard asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this function unannotated
        self.registry = CollectorRegistry()
        self._requests: dict[tuple[str, str, str, int, str], int] = {}
        self._durations: dict[tuple[str, str], Durations] = {}
        self.in_flight = 0
        self._version = version
        self._lost_lines = lost_lines
        self.registry.register(Collected(self._collect))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def ended(self, record: RequestRecord) -> None:
        """Count a finished request. A tunnel's time says nothing of our pace, so it is left out of the durations."""
        self.in_flight -= 1
        decision = record.decision
        route = decision.route.name if decision is not None and decision.route is not None else ""
        method = record.method if record.method in _METHODS else _OTHER
        status = record.status if record.status in _STATUSES else 0
        key = (record.endpoint, route, method, status, outcome_of(record))
        self._requests[key] = self._requests.get(key, 0) + 1
        if record.upgraded:
            return
        durations = self._durations.get((record.endpoint, route))
        if durations is None:
            durations = self._durations[record.endpoint, route] = Durations()
        durations.add(record.finished - record.started)

    def render(self) -> tuple[bytes, str]:
        """Return everything that is registered, in the text exposition format, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def _collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "gateway_requests",
            "Requests that have ended, by how they were decided and answered; status `other` where nothing was sent.",
            labels=("endpoint", "route", "method", "status", "decision"),
        )
        for (endpoint, route, method, status, outcome), count in self._requests.items():
            requests.add_metric((endpoint, route, method, str(status) if status else _OTHER, outcome), count)
        yield requests
        durations = HistogramMetricFamily(
            "gateway_request_duration_seconds",
            "Time from a request's head to the end of its answer, tunnels left out.",
            labels=("endpoint", "route"),
        )
        for labels, cell in self._durations.items():
            durations.add_metric(labels, cell.buckets(), cell.total)
        yield durations
        yield GaugeMetricFamily(
            "gateway_requests_in_flight", "Requests that are being served, tunnels too.", self.in_flight
        )
        yield CounterMetricFamily("gateway_log_lines_lost", "Log lines that could not be written.", self._lost_lines())
        build = GaugeMetricFamily("gateway_build_info", "The version that is running; always 1.", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build
