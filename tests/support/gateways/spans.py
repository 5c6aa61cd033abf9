"""A gateway that traces into memory, and its spans as a tree."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from opentelemetry.trace import SpanContext, SpanKind

from gateway.config.settings import Settings
from gateway.telemetry.tracing.tracer import Tracing, TracingDependencies
from gateway.wiring.process import Process
from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.serving import Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import Conversation, RecordingUpstream, answer_each, recording_upstream

TRACED = {"telemetry": {"traces": "otlp"}}

CALLER = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALLERS_TRACE, CALLERS_SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


def tracing(process: Process, exporter: SpanExporter, sampler: Sampler = DEFAULT_ON) -> Tracing:
    """Return what the config's `otlp` stands for, with another exporter."""
    sources = TracingDependencies(process.clock, process.now, process.random_hex, process.metrics.registry, "test")
    return Tracing(sources, sampler, Resource({}), exporter)


class Kept(InMemorySpanExporter):
    """Keeps what it is sent; `shut` is set once nothing more will be."""

    def __init__(self) -> None:
        super().__init__()
        self.shut = threading.Event()

    def shutdown(self) -> None:
        super().shutdown()
        self.shut.set()


class Traces:
    """A gateway and its upstream while it runs; its spans once it has ended."""

    def __init__(
        self, gateway: Gateway, upstream: RecordingUpstream, exporter: InMemorySpanExporter, settings: dict[str, Any]
    ) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self._exporter = exporter
        self._settings = settings

    async def reload(self, **sections: Any) -> None:
        """Let a generation with other sections serve."""
        await self.gateway.worker.build(Settings.model_validate({**self._settings, **sections}), ())
        await self.gateway.worker.swap()

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All that was exported, in the order in which it began."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: (began(span), span.kind is SpanKind.CLIENT))

    def requests(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.kind is SpanKind.SERVER]

    def beneath(self, parent: ReadableSpan, name: str = "") -> list[ReadableSpan]:
        """Return the children of a span, those of a name if one is given."""
        of = context(parent)
        return [
            span
            for span in self.spans
            if span.parent is not None and (span.parent.trace_id, span.parent.span_id) == (of.trace_id, of.span_id)
            if not name or span.name == name
        ]

    def one(self, parent: ReadableSpan, name: str) -> ReadableSpan:
        (found,) = self.beneath(parent, name)
        return found


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def began(span: ReadableSpan) -> int:
    assert span.start_time is not None
    return span.start_time


def ended(span: ReadableSpan) -> int:
    assert span.end_time is not None
    return span.end_time


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def traceparent(span: ReadableSpan) -> bytes:
    """Return what names this span to whoever is called within it."""
    of = context(span)
    return f"00-{of.trace_id:032x}-{of.span_id:016x}-01".encode()


@contextlib.asynccontextmanager
async def traced(
    examples: Examples,
    folder: Path,
    conversation: Conversation = answer_each,
    sampler: Sampler = DEFAULT_ON,
    response: str = "10s",
    **sections: Any,
) -> AsyncIterator[Traces]:
    """Run a gateway on the example records; spans can be looked at once it has ended.

    `response` is how long every route gives its upstream.
    """
    exporter = Kept()

    def prepare(process: Process) -> None:
        process.tracing = tracing(process, exporter, sampler)

    async with recording_upstream(conversation) as upstream:
        settings = config(upstream.port, examples.settings(folder), **{**TRACED, **sections})
        settings["routes"] = [{**route, "timeouts": {"response": response}} for route in settings["routes"]]
        async with serving(settings, folder, prepare) as gateway:
            yield Traces(gateway, upstream, exporter, settings)
        assert await asyncio.to_thread(exporter.shut.wait, PATIENCE)
