"""Export of spans: a bounded queue, and a thread that sends; no request waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from threading import Thread

import structlog
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric

from gateway.telemetry.exposition import FunctionCollector

_log = structlog.get_logger(__name__)

_CAPACITY = 2048
"""Spans in the queue at most: the SDK's own default of OTEL_BSP_MAX_QUEUE_SIZE."""

_LOG_INTERVAL = 60.0
"""Seconds between two warnings about a collector that fails now and then."""

_EXPORTERS = "opentelemetry.exporter"
"""The logger under which the SDK logs each batch that failed, and each retry."""

_LONGEST_REASON = 300  # characters
_QUERY = re.compile(r"\?[^\s'\")]*")  # of the collector's URL, where some vendors want a key


class Export:
    """Queues spans in the SDK's batch processor, whose thread sends them; for one event loop.

    When the queue is full, new spans are dropped and counted. `now` is the monotonic clock, in seconds. Raises
    ValueError for settings in the environment that cannot be used.
    """

    def __init__(self, exporter: SpanExporter, registry: CollectorRegistry, now: Callable[[], float]) -> None:
        self._capacity = int(os.environ.get(OTEL_BSP_MAX_QUEUE_SIZE) or _CAPACITY)
        self._sender = _Sender(exporter, now)
        self._processor = BatchSpanProcessor(self._sender, max_queue_size=self._capacity)
        self._queued = 0
        self._dropped = 0
        self._closed = False
        registry.register(FunctionCollector(self._collect))

    def enqueue(self, span: ReadableSpan) -> None:
        """Queue a span; never waits."""
        # Counted here: the processor would drop an older span instead, and count none of them.
        if self._closed or self._queued - self._sender.taken >= self._capacity:
            self._dropped += 1
            return
        self._queued += 1
        self._processor.on_end(span)

    async def close(self, seconds: float) -> None:
        """Send the queued spans within `seconds`; those that are left then are dropped."""
        self._closed = True
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        before = self._sender.sent
        unsent = self._queued - before - self._sender.failed

        def end() -> None:
            self._sender.stop_retrying()
            self._processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves this function unannotated
            self._sender.close()
            with contextlib.suppress(RuntimeError):  # the loop has ended: nothing waits for this
                loop.call_soon_threadsafe(ended.set)

        # Not in an executor: the loop's end would wait for a thread that hangs on a collector.
        Thread(target=end, name="end of traces", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ended.wait()
        lost = unsent - (self._sender.sent - before)
        if lost > 0:
            _log.warning("spans_lost", spans=lost)

    def _collect(self) -> Iterator[Metric]:
        spans = CounterMetricFamily(
            "gateway_trace_spans", "Spans of sampled requests, by what became of them.", labels=("outcome",)
        )
        spans.add_metric(("sent",), self._sender.sent)
        spans.add_metric(("failed",), self._sender.failed)
        spans.add_metric(("dropped",), self._dropped)
        yield spans


class _Sender(SpanExporter):
    """Counts what `exporter` sends, and logs once when it begins to fail and once when it sends again.

    The SDK logs each batch and each attempt; the last of those lines is the reason in our own.
    """

    def __init__(self, exporter: SpanExporter, now: Callable[[], float]) -> None:
        self._exporter = exporter
        self._now = now
        self._reasons = _Reasons()
        self._warned_at = -_LOG_INTERVAL
        self._warned = False
        self.taken = 0
        self.sent = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by the processor's thread."""
        self.taken += len(spans)
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on with the next batch
            result = SpanExportResult.FAILURE
            self._reasons.last = type(error).__name__
        if result is SpanExportResult.SUCCESS:
            self.sent += len(spans)
            self._succeeded()
        else:
            self.failed += len(spans)
            self._failed()
        return result

    def shutdown(self) -> None:
        """Close the connection to the collector; called by the processor."""
        self._exporter.shutdown()

    def stop_retrying(self) -> None:
        """Do not retry, if the last attempt failed: an exit does not wait for a collector that is down."""
        if self._reasons.last:
            self._exporter.shutdown()

    def close(self) -> None:
        """Let the SDK's log lines go where they went before."""
        self._reasons.close()

    def _succeeded(self) -> None:
        self._reasons.last = ""
        if self._warned:
            self._warned = False
            _log.info("trace_export_recovered")

    def _failed(self) -> None:
        if self._warned or self._now() - self._warned_at < _LOG_INTERVAL:
            return
        self._warned, self._warned_at = True, self._now()
        _log.warning("trace_export_failed", fault=self._reasons.last)


class _Reasons(logging.Handler):
    """Stores the last warning of the SDK's exporter instead of logging each one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        logger = logging.getLogger(_EXPORTERS)
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.last = _QUERY.sub("?…", record.getMessage())[:_LONGEST_REASON]

    def close(self) -> None:
        logger = logging.getLogger(_EXPORTERS)
        logger.removeHandler(self)
        logger.propagate = True
        super().close()
