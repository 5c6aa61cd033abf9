"""Spans of one process's requests: sampled, recorded while a request is served, exported afterwards."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from gateway.model.answers import Resolution
from gateway.model.credential import Credential
from gateway.model.errors import GatewayError
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import CurrentSpan, Traces, current_span
from gateway.telemetry.tracing.export import Export
from gateway.telemetry.tracing.sampling import SampledTraces
from gateway.telemetry.tracing.spans import AuthorityCall, SpanMaker, SpanPlace

ResolveCredential = Callable[[Credential, str], Awaitable[Resolution]]
RememberedSession = Callable[[Credential], Resolution | None]
RecordCall = Callable[[str, float, float], None]
"""(found, rejected, not_mine or unavailable; began; ended); instants of the monotonic clock, in seconds."""

_log = structlog.get_logger(__name__)

_NAME = "session-gateway"
"""The service's name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES gives another."""

_PROTOCOL = "http/protobuf"


class TracingDependencies(msgspec.Struct, frozen=True):
    """What tracing needs of its process; `clock` is in epoch seconds, `now` the monotonic clock in seconds."""

    clock: Callable[[], float]
    now: Callable[[], float]
    random_hex: RandomHex
    registry: CollectorRegistry
    version: str


class Tracing:
    """Makes and exports the spans of one process. No method raises, and none but `close` waits for a collector."""

    def __init__(
        self, dependencies: TracingDependencies, sampler: Sampler, resource: Resource, exporter: SpanExporter
    ) -> None:
        self._dependencies = dependencies
        self._now = dependencies.now
        self._maker = SpanMaker(resource, dependencies.version)
        self._export = Export(exporter, dependencies.registry, dependencies.now)
        self._has_logged_fault = False
        self.traces: Traces = SampledTraces(dependencies.random_hex, sampler, self._offset)

    def make_spans(self, record: RequestRecord) -> None:
        """Make the spans of a finished request, if it is traced."""
        traced = record.traced
        if traced is None:
            return
        try:
            for span in self._maker.of_request(record, traced):
                self._export.enqueue(span)
        except Exception:  # noqa: BLE001 - a span is never worth a request
            self._log_fault()
        traced.resolution = None  # an idle connection would otherwise hold the session in memory

    def trace_resolve(self, resolve: ResolveCredential) -> ResolveCredential:
        """Return `resolve` with a span of its own, which is the parent of the look-ups that it starts."""

        async def traced_resolve(credential: Credential, client: str) -> Resolution:
            parent = current_span.get()
            if parent is None:
                return await resolve(credential, client)
            traced = parent.traced
            traced.resolve_id, traced.resolve_began = self._new_id(), self._now()
            previous = current_span.set(CurrentSpan(traced, traced.resolve_id))
            try:
                traced.resolution = await resolve(credential, client)
                return traced.resolution
            finally:
                current_span.reset(previous)
                traced.resolve_ended = self._now()

        return traced_resolve

    def trace_remembered(self, remembered: RememberedSession) -> RememberedSession:
        """Return `remembered` with a span for each session that it knows."""

        def traced_remembered(credential: Credential) -> Resolution | None:
            parent = current_span.get()
            if parent is None:
                return remembered(credential)
            began = self._now()
            resolution = remembered(credential)
            if resolution is not None:
                traced = parent.traced
                traced.resolve_id, traced.resolve_began, traced.resolve_ended = self._new_id(), began, self._now()
                traced.resolution = resolution
            return resolution

        return traced_remembered

    def trace_authority(self, authority: str, kind: str, host: str) -> RecordCall:
        """Return what has to be called after each call to one authority, in the task that made it."""

        def record_call(outcome: str, began: float, ended: float) -> None:
            parent = current_span.get()
            if parent is None:
                return
            call = AuthorityCall(authority, kind, host, outcome)
            try:
                place = SpanPlace(parent.traced, self._new_id(), parent.span_id, began, ended)
                self._export.enqueue(self._maker.of_authority_call(call, place))
            except Exception:  # noqa: BLE001 - a span is never worth an answer
                self._log_fault()

        return record_call

    async def close(self, seconds: float) -> None:
        """Send the queued spans within `seconds`; the last request is over."""
        await self._export.close(seconds)

    def _offset(self) -> float:
        return self._dependencies.clock() - self._now()

    def _new_id(self) -> int:
        return int(self._dependencies.random_hex.draw()[:16], 16)

    def _log_fault(self) -> None:
        """Log a fault of our own once, since it may happen with each request."""
        if not self._has_logged_fault:
            self._has_logged_fault = True
            _log.exception("span_creation_failed")


def open_tracing(dependencies: TracingDependencies) -> Tracing | None:
    """Start tracing as the standard variables (OTEL_*) say; None where OTEL_SDK_DISABLED is true.

    Call it after a fork: a thread sends the spans. Raises GatewayError for variables that cannot be used.
    """
    provider = TracerProvider(shutdown_on_exit=False)  # only because it reads the environment
    if isinstance(provider.get_tracer(_NAME), NoOpTracer):
        return None
    protocol = os.environ.get(OTEL_EXPORTER_OTLP_TRACES_PROTOCOL) or os.environ.get(OTEL_EXPORTER_OTLP_PROTOCOL)
    if (protocol or _PROTOCOL) != _PROTOCOL:
        raise GatewayError(f"telemetry.traces: OTLP is spoken as {_PROTOCOL}, and the environment says {protocol}")
    try:
        return Tracing(
            dependencies, provider.sampler, _named(provider.resource, dependencies.version), OTLPSpanExporter()
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise GatewayError(f"telemetry.traces: an OTEL_* variable cannot be used: {error}") from error


def _named(resource: Resource, version: str) -> Resource:
    """Return the environment's resource, with our own name and version where it has none."""
    attributes = resource.attributes
    own = {SERVICE_VERSION: version} if SERVICE_VERSION not in attributes else {}
    if str(attributes[SERVICE_NAME]).startswith("unknown_service"):  # the SDK's name for a service without one
        own[SERVICE_NAME] = _NAME
    return resource.merge(Resource(own))
