"""The metrics of requests in one process, and those of the worker group."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.model.method import STANDARD
from gateway.telemetry.exposition import DurationHistogram, FunctionCollector
from gateway.telemetry.record import ALLOWED, RequestRecord, outcome_of

_OTHER = "other"
_STATUSES = range(100, 600)  # RFC 9110 section 15


class RequestMetrics:
    """The registry of one process, and what every request adds to it.

    Other packages add their own metrics to `registry`. A request costs two dictionary look-ups and a few additions.

    Every label is from a closed set, whatever callers send: endpoints and routes are the config's, a method or status
    that is not one of HTTP's is `other`. `in_flight` counts the requests that are being served: whoever adds one calls
    `ended` for it, however it ends.
    """

    def __init__(self, version: str, lost_lines: Callable[[], int]) -> None:
        # Otherwise each counter has a second series, with its time of creation, which no dashboard uses.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this function unannotated
        self.registry = CollectorRegistry()
        self._requests: dict[tuple[str, str, str, int, str], int] = {}
        self._refusals: dict[tuple[str, str, str], int] = {}
        self._durations: dict[tuple[str, str], DurationHistogram] = {}
        self.in_flight = 0
        self._version = version
        self._lost_lines = lost_lines
        self.registry.register(FunctionCollector(self._collect))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def ended(self, record: RequestRecord) -> None:
        """Count a finished request; the durations leave tunnels out, whose time says nothing about our speed."""
        self.in_flight -= 1
        decision = record.decision
        route = decision.route.name if decision is not None and decision.route is not None else ""
        method = record.method if record.method in STANDARD else _OTHER
        status = record.status if record.status in _STATUSES else 0
        outcome = outcome_of(record)
        key = (record.endpoint, route, method, status, outcome)
        self._requests[key] = self._requests.get(key, 0) + 1
        if outcome is not ALLOWED:
            self._refused(record, route)
        if record.upgraded:
            return
        durations = self._durations.get((record.endpoint, route))
        if durations is None:
            durations = self._durations[record.endpoint, route] = DurationHistogram()
        durations.add(record.finished - record.started)

    def _refused(self, record: RequestRecord, route: str) -> None:
        """Count why a request was refused, where that is known."""
        refusal = record.refusal or (record.decision.refusal if record.decision is not None else None)
        if refusal is not None:
            key = (record.endpoint, route, refusal.code.value)
            self._refusals[key] = self._refusals.get(key, 0) + 1

    def _collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "gateway_requests",
            "Requests that have ended, by decision and answer; status `other` where nothing usual was sent.",
            labels=("endpoint", "route", "method", "status", "decision"),
        )
        for (endpoint, route, method, status, outcome), count in self._requests.items():
            requests.add_metric((endpoint, route, method, str(status) if status else _OTHER, outcome), count)
        yield requests
        refusals = CounterMetricFamily(
            "gateway_refusals",
            "Requests that were refused, by the code of the refusal.",
            labels=("endpoint", "route", "reason"),
        )
        for reason, count in self._refusals.items():
            refusals.add_metric(reason, count)
        yield refusals
        durations = HistogramMetricFamily(
            "gateway_request_duration_seconds",
            "Time from a request's head to the end of its answer, tunnels left out.",
            labels=("endpoint", "route"),
        )
        for labels, histogram in self._durations.items():
            durations.add_metric(labels, histogram.buckets(), histogram.total)
        yield durations
        yield GaugeMetricFamily(
            "gateway_requests_in_flight", "Requests that are being served, tunnels too.", self.in_flight
        )
        yield CounterMetricFamily("gateway_log_lines_lost", "Log lines that could not be written.", self._lost_lines())
        build = GaugeMetricFamily("gateway_build_info", "The version that is running; always 1.", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build


class WorkerGroupMetrics:
    """The metrics of the process that serves the admin port: workers, and reloads of the config.

    `clock` is in epoch seconds.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self._clock = clock
        self._workers = Gauge("gateway_workers", "Processes that serve the public port.", registry=registry)
        self._wanted = Gauge("gateway_workers_wanted", "Processes that should serve it.", registry=registry)
        self._replaced = Counter(
            "gateway_workers_replaced", "Workers that ended by themselves, or hung.", registry=registry
        )
        reloads = Counter("gateway_config_reloads", "Attempts to reload the config.", ("outcome",), registry=registry)
        self._reloads = {outcome: reloads.labels(outcome) for outcome in ("done", "failed")}
        self._loaded_at = Gauge(
            "gateway_config_loaded_at_seconds", "When the config that serves was loaded.", registry=registry
        )

    def count_workers(self, serving: Callable[[], int], wanted: Callable[[], int]) -> None:
        """Call these whenever metrics are collected."""
        self._workers.set_function(serving)
        self._wanted.set_function(wanted)

    def worker_ended(self) -> None:
        """Count a worker that exited without having been told to, or was killed because it hung."""
        self._replaced.inc()

    def loaded(self) -> None:
        """Note that another config is in use from now on."""
        self._loaded_at.set(self._clock())

    def reloaded(self, *, done: bool) -> None:
        """Count a reload of the config; a failed one changes nothing."""
        self._reloads["done" if done else "failed"].inc()
        if done:
            self.loaded()
