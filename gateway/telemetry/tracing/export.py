"""The way of spans out of the process: a bounded queue, a thread that sends, and nobody who waits for it."""

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

_log = structlog.get_logger(__name__)

_CAPACITY = 2048
"""Spans that wait at most: the SDK's own default of OTEL_BSP_MAX_QUEUE_SIZE."""

_QUIET = 60.0
"""Seconds between two complaints of a collector that comes and goes."""

_EXPORTERS = "opentelemetry.exporter"
"""The logger beneath which the SDK tells of each batch that failed, and of each time that it tries again."""

_LONGEST_REASON = 300
_QUERY = re.compile(r"\?[^\s'\")]*")  # of the collector's URL, where some vendors want a key


class Export:
    """Hands spans to the SDK's batch processor. One event loop hands over; a thread of the processor's sends.

    When the queue is full, what is new is dropped and counted. `now` is the monotonic clock, in seconds. Raises
    ValueError for settings in the environment that cannot be used.
    """

    def __init__(self, exporter: SpanExporter, registry: CollectorRegistry, now: Callable[[], float]) -> None:
        self._capacity = int(os.environ.get(OTEL_BSP_MAX_QUEUE_SIZE) or _CAPACITY)
        self._sender = _Sender(exporter, now)
        self._processor = BatchSpanProcessor(self._sender, max_queue_size=self._capacity)
        self._handed_over = 0
        self._dropped = 0
        self._closed = False
        registry.register(_Numbers(self._collect))

    def hand_over(self, span: ReadableSpan) -> None:
        """Let a span be sent; never waits."""
        # counted here: the processor would drop an older one in its stead, and tell nobody how many
        if self._closed or self._handed_over - self._sender.taken >= self._capacity:
            self._dropped += 1
            return
        self._handed_over += 1
        self._processor.on_end(span)

    async def close(self, seconds: float) -> None:
        """Send what waits, within `seconds`; what has not gone by then is given up."""
        self._closed = True
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        before = self._sender.sent
        unsent = self._handed_over - before - self._sender.failed

        def end() -> None:
            self._sender.hurry()
            self._processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves this function unannotated
            self._sender.close()
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits for this any more
                loop.call_soon_threadsafe(ended.set)

        # in no executor: the loop's end would wait for a thread that hangs on a collector
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
    """Counts what `exporter` does, and tells once when it begins to fail and once when that is over.

    The SDK tells of each batch and of each attempt; that is heard and kept for the reason.
    """

    def __init__(self, exporter: SpanExporter, now: Callable[[], float]) -> None:
        self._exporter = exporter
        self._now = now
        self._reasons = _Reasons()
        self._told_at = -_QUIET
        self._told = False
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

    def hurry(self) -> None:
        """Try again no more, if the last attempt was in vain: who ends does not wait for a collector that is away."""
        if self._reasons.last:
            self._exporter.shutdown()

    def close(self) -> None:
        """Let the SDK's words go where they went before."""
        self._reasons.close()

    def _succeeded(self) -> None:
        self._reasons.last = ""
        if self._told:
            self._told = False
            _log.info("trace_export_recovered")

    def _failed(self) -> None:
        if self._told or self._now() - self._told_at < _QUIET:
            return
        self._told, self._told_at = True, self._now()
        _log.warning("trace_export_failed", fault=self._reasons.last)


class _Reasons(logging.Handler):
    """Keeps the last thing that the SDK's exporter complained of, instead of having it logged each time."""

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


class _Numbers:
    """Hands the numbers over when the registry is asked for them."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect
