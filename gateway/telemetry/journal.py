"""The journal of requests: each is opened with its ids, and closed with its access line, metrics and spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.forwarding_metrics import ForwardingMetrics
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RequestIds
from gateway.telemetry.trace_context import Traces


class Journal:
    """Opens and closes records. `now` is the monotonic clock, in seconds; without `access_log` no lines are written.

    `make_spans` gets the finished records of requests that are traced.
    """

    def __init__(
        self,
        request_ids: RequestIds,
        traces: Traces,
        metrics: RequestMetrics,
        forwarding_metrics: ForwardingMetrics,
        access_log: AccessLog | None,
        now: Callable[[], float],
        *,
        make_spans: Callable[[RequestRecord], None] | None = None,
    ) -> None:
        self._request_ids = request_ids
        self._traces = traces
        self._metrics = metrics
        self._forwarding_metrics = forwarding_metrics
        self._access_log = access_log
        self._now = now
        self._make_spans = make_spans

    def open(self, traceparents: Sequence[bytes], trusted_ids: Sequence[bytes] | None) -> RequestRecord:
        """Begin the record of a request; `trusted_ids` are a trusted peer's X-Request-Id values, else `None`."""
        request_id = self._request_ids.new() if trusted_ids is None else self._request_ids.adopt(trusted_ids)
        record = RequestRecord(request_id, self._now())
        trace = self._traces.follow(traceparents)
        record.trace_id = trace.trace_id
        record.traceparent = trace.traceparent
        record.trace_continued = trace.continued
        record.traced = trace.traced
        self._metrics.in_flight += 1
        return record

    def close(self, record: RequestRecord) -> None:
        """End the record, however its request ended; to be called once for each that was opened."""
        record.finished = self._now()
        self._metrics.ended(record)
        self._forwarding_metrics.ended(record)
        if self._access_log is not None:
            self._access_log.write(record)
        if self._make_spans is not None and record.traced is not None:
            self._make_spans(record)
