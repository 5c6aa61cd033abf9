from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.telemetry.tracing.export import Export

SDK = logging.getLogger("opentelemetry.exporter.otlp")
SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE


class Collector(SpanExporter):
    """An exporter that does as it is told: `results` in turn, then SUCCESS. It waits while it is `held`."""

    def __init__(self, *results: SpanExportResult | Exception) -> None:
        self._results = list(results)
        self.batches: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.busy = threading.Event()
        self.shut = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.busy.set()
        self.free.wait()
        self.batches.append(len(spans))
        result = self._results.pop(0) if self._results else SUCCESS
        if isinstance(result, Exception):
            raise result
        if result is FAILURE:
            SDK.error("Failed to export: %s", "http://collector/v1/traces?api-key=secret is not there")
        return result

    def shutdown(self) -> None:
        self.shut.set()


class Process:
    """An export, its numbers and its monotonic clock."""

    def __init__(self, collector: Collector) -> None:
        self.registry = CollectorRegistry()
        self.now = 0.0
        self.collector = collector
        self.export = Export(collector, self.registry, lambda: self.now)

    def enqueue(self, count: int = 1) -> None:
        for _ in range(count):
            context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
            self.export.enqueue(ReadableSpan("a span", context, resource=Resource({})))

    async def send(self, count: int = 1) -> None:
        """Hand over, and wait until the thread has sent it."""
        sent = sum(self.numbers()) - self.numbers()[2]
        self.enqueue(count)
        await asyncio.to_thread(self.export._processor.force_flush)
        assert sum(self.numbers()) - self.numbers()[2] == sent + count

    def numbers(self) -> tuple[float, ...]:
        values = {
            outcome: self.registry.get_sample_value("gateway_trace_spans_total", {"outcome": outcome})
            for outcome in ("sent", "failed", "dropped")
        }
        return tuple(value or 0.0 for value in values.values())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")


@pytest.fixture
def words() -> Iterator[list[dict[str, object]]]:
    with capture_logs() as captured:
        yield captured  # type: ignore[misc]


async def test_what_waits_is_sent_at_the_end(words: list[dict[str, object]]) -> None:
    process = Process(Collector())
    process.enqueue(3)
    await process.export.close(10.0)
    assert process.collector.batches == [3]
    assert process.collector.shut.is_set()
    assert process.numbers() == (3.0, 0.0, 0.0)
    assert words == []


async def test_a_full_queue_takes_no_more_and_counts_what_it_did_not_take() -> None:
    process = Process(Collector())
    process.collector.free.clear()
    process.enqueue(4)  # a whole batch: the thread takes it, and hangs
    await asyncio.to_thread(process.collector.busy.wait)
    process.enqueue(10)
    assert process.numbers()[2] == 6.0
    process.collector.free.set()
    await process.export.close(10.0)
    assert process.numbers() == (8.0, 0.0, 6.0)


async def test_a_collector_that_hangs_is_not_waited_for(words: list[dict[str, object]]) -> None:
    process = Process(Collector())
    process.collector.free.clear()
    process.enqueue(4)
    await asyncio.to_thread(process.collector.busy.wait)
    process.enqueue(2)
    await process.export.close(0.01)
    assert [(word["event"], word.get("spans")) for word in words] == [("spans_lost", 6)]
    process.enqueue()
    assert process.numbers()[2] == 1.0
    process.collector.free.set()
    await asyncio.to_thread(process.collector.shut.wait)


async def test_trouble_is_told_once_and_its_end_once(words: list[dict[str, object]]) -> None:
    process = Process(Collector(FAILURE, RuntimeError("surprise"), FAILURE, SUCCESS, SUCCESS))
    for _ in range(5):
        await process.send()
    assert [(word["event"], word["log_level"]) for word in words] == [
        ("trace_export_failed", "warning"),
        ("trace_export_recovered", "info"),
    ]
    assert words[0]["fault"] == "Failed to export: http://collector/v1/traces?… is not there"
    assert process.numbers() == (2.0, 3.0, 0.0)
    await process.export.close(10.0)


async def test_a_collector_that_comes_and_goes_is_told_of_once_a_minute(words: list[dict[str, object]]) -> None:
    process = Process(Collector(FAILURE, SUCCESS, FAILURE, SUCCESS, FAILURE))
    for now in (0.0, 10.0, 20.0, 30.0, 70.0):
        process.now = now
        await process.send()
    assert [word["event"] for word in words] == [
        "trace_export_failed",
        "trace_export_recovered",
        "trace_export_failed",
    ]
    await process.export.close(10.0)


async def test_who_ends_while_the_collector_is_away_tries_no_more(words: list[dict[str, object]]) -> None:
    process = Process(Collector(FAILURE))
    await process.send()
    process.collector.free.clear()
    process.enqueue()
    ending = asyncio.gather(process.export.close(10.0))
    await asyncio.to_thread(process.collector.shut.wait)  # told to stop trying, while the last batch is with it
    process.collector.free.set()
    await ending
    assert [word["event"] for word in words] == ["trace_export_failed", "trace_export_recovered"]


@pytest.mark.parametrize("value", ["many", "0", "-1", "2"])
def test_a_queue_that_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", value)
    with pytest.raises(ValueError, match=r"many|queue"):
        Process(Collector())
    assert SDK.parent is not None
