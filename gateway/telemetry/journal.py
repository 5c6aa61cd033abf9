"""The journal of requests: each is opened with its ids, and closed with its access line, metrics and spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RequestIds
from gateway.telemetry.trace_context import Traces

RecordSink = Callable[[RequestRecord], None]
"""Takes the record of a request that has ended: metrics, the access log, spans."""


class Journal:
    """Opens and closes records. `now` is the monotonic clock, in seconds; `sinks` take each closed record."""

    def __init__(
        self,
        request_ids: RequestIds,
        traces: Traces,
        metrics: RequestMetrics,
        sinks: Iterable[RecordSink],
        now: Callable[[], float],
    ) -> None:
        self._request_ids = request_ids
        self._traces = traces
        self._metrics = metrics
        self._sinks = (metrics.ended, *sinks)
        self._now = now

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
        for sink in self._sinks:
            sink(record)
