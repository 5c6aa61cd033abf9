from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.model.answers import Resolution, Tier
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import GatewayError
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import TracedRequest
from gateway.telemetry.tracing.tracer import Tracing, TracingDependencies, open_tracing
from tests.support.fakes.sessions import found
from tests.support.gateways.spans import CALLER, context

CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("secret",), b"f" * 16)
FOUND = Resolution(answer=found(), tier=Tier.MEMORY)


def sources() -> TracingDependencies:
    ticks = iter(range(1_000_000))
    return TracingDependencies(lambda: 5000.0, lambda: float(next(ticks)), RandomHex(), CollectorRegistry(), "1.2.3")


class Traces:
    """Tracing into memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(sources(), DEFAULT_ON, Resource({}), self.exporter)

    def begin(self, *traceparents: bytes) -> RequestRecord:
        record = RequestRecord("req-1", 1.0)
        record.traced = self.tracing.traces.follow(traceparents).traced
        return record

    async def spans(self) -> dict[str, ReadableSpan]:
        await self.tracing.close(10.0)
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
async def traces() -> AsyncIterator[Traces]:
    made = Traces()
    yield made
    await made.tracing.close(10.0)


async def resolves(credential: Credential, _client: str) -> Resolution:
    assert credential is CREDENTIAL
    return FOUND


async def test_a_question_stands_under_the_resolving_that_asked_it(traces: Traces) -> None:
    record_call = traces.tracing.trace_authority("accounts", "remote", "id.test")

    async def asks(_: Credential, _client: str) -> Resolution:
        record_call("found", 2.0, 3.0)
        return FOUND

    record = traces.begin()
    assert await traces.tracing.trace_resolve(asks)(CREDENTIAL, "192.0.2.1") is FOUND
    record_call("rejected", 4.0, 5.0)  # another question of the request, after that
    traces.tracing.make_spans(record)
    spans = await traces.spans()
    assert record.traced is not None
    assert set(spans) == {"HTTP", "resolve", "authority accounts"}
    parents = [span.parent.span_id for span in traces.exporter.get_finished_spans() if span.parent is not None]
    assert parents == [context(spans["resolve"]).span_id, record.traced.span_id, record.traced.span_id]


async def test_a_resolving_is_noted_even_when_nobody_waits_for_it_any_more(traces: Traces) -> None:
    record = traces.begin()

    async def never(_: Credential, _client: str) -> Resolution:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(traces.tracing.trace_resolve(never)(CREDENTIAL, "192.0.2.1"), 0.0)
    traces.tracing.make_spans(record)
    assert record.traced is not None
    assert record.traced.resolution is None


async def test_who_is_not_sampled_is_resolved_and_asked_without_a_note(traces: Traces) -> None:
    record = traces.begin(CALLER[:-2] + b"00")
    assert await traces.tracing.trace_resolve(resolves)(CREDENTIAL, "192.0.2.1") is FOUND
    traces.tracing.trace_authority("accounts", "remote", "")("found", 1.0, 2.0)
    traces.tracing.make_spans(record)
    assert await traces.spans() == {}


async def test_a_connection_that_waits_keeps_no_session_alive(traces: Traces) -> None:
    record = traces.begin()
    await traces.tracing.trace_resolve(resolves)(CREDENTIAL, "192.0.2.1")
    assert record.traced is not None
    assert record.traced.resolution is FOUND
    traces.tracing.make_spans(record)
    assert record.traced.resolution is None


async def test_a_fault_of_ours_costs_no_request_and_is_told_once(traces: Traces) -> None:
    broken = RequestRecord("req-1", 1.0)
    broken.traced = TracedRequest(1, 2, 3, offset=float("nan"))
    with capture_logs() as words:
        for _ in range(3):
            traces.tracing.make_spans(broken)
    assert [(word["event"], word["log_level"]) for word in words] == [("span_creation_failed", "error")]


async def test_the_environment_names_the_service_and_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "edge")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=9")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    tracing = open_tracing(sources())
    assert tracing is not None
    attributes = dict(tracing._maker._resource.attributes)
    assert (attributes["service.name"], attributes["service.version"], attributes["deployment.environment.name"]) == (
        "edge",
        "9",
        "test",
    )
    assert tracing.traces.follow([]).traced is None
    await tracing.close(10.0)


async def test_a_service_that_nobody_names_has_our_name() -> None:
    tracing = open_tracing(sources())
    assert tracing is not None
    attributes = dict(tracing._maker._resource.attributes)
    assert (attributes["service.name"], attributes["service.version"]) == ("session-gateway", "1.2.3")
    await tracing.close(10.0)


def test_the_sdk_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert open_tracing(sources()) is None


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "lots", "lots"),
    ],
)
def test_variables_that_cannot_be_used_are_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(GatewayError, match=word):
        open_tracing(sources())
