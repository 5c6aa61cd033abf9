"""Spans of one process's requests, whatever generation serves them: sampled, noted while they are served, exported."""

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
from gateway.telemetry.trace_context import Traces
from gateway.telemetry.tracing.export import Export
from gateway.telemetry.tracing.sampling import SampledTraces
from gateway.telemetry.tracing.spans import AuthorityCall, Place, SpanMaker
from gateway.telemetry.tracing.within import Within, within

ResolveCredential = Callable[[Credential], Awaitable[Resolution]]
NoteCall = Callable[[str, float, float], None]
"""(found, rejected, not_mine or unavailable; began; ended), instants of the monotonic clock in seconds."""

_log = structlog.get_logger(__name__)

_NAME = "session-gateway"
"""The service's name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES has another."""

_PROTOCOL = "http/protobuf"


class Sources(msgspec.Struct, frozen=True):
    """What a process lends: `clock` in epoch seconds, `now` monotonic, randomness, metrics, its version."""

    clock: Callable[[], float]
    now: Callable[[], float]
    random_hex: RandomHex
    registry: CollectorRegistry
    version: str


class Tracing:
    """What the rest of the house asks for spans. Nothing of it raises, and nothing waits for a collector."""

    def __init__(self, sources: Sources, sampler: Sampler, resource: Resource, exporter: SpanExporter) -> None:
        self._sources = sources
        self._now = sources.now
        self._maker = SpanMaker(resource, sources.version)
        self._export = Export(exporter, sources.registry, sources.now)
        self._faulty = False
        self.traces: Traces = SampledTraces(sources.random_hex, sampler, self._offset)

    def make_spans(self, record: RequestRecord) -> None:
        """Make the spans of an ended request that is traced."""
        traced = record.traced
        if traced is None:
            return
        try:
            for span in self._maker.of_request(record, traced):
                self._export.hand_over(span)
        except Exception:  # noqa: BLE001 - a span is never worth a request
            self._complain()
        traced.resolution = None  # a connection that waits for its next request would keep the session alive

    def resolving(self, resolve: ResolveCredential) -> ResolveCredential:
        """Return `resolve` such that its times are noted, and that look-ups it starts stand beneath it."""

        async def noted(credential: Credential) -> Resolution:
            around = within.get()
            if around is None:
                return await resolve(credential)
            traced = around.traced
            traced.resolve_id, traced.resolve_began = self._new_id(), self._now()
            beneath = within.set(Within(traced, traced.resolve_id))
            try:
                traced.resolution = await resolve(credential)
                return traced.resolution
            finally:
                within.reset(beneath)
                traced.resolve_ended = self._now()

        return noted

    def asking(self, authority: str, kind: str, host: str) -> NoteCall:
        """Return what is to be told of each question to one authority, in the task that asks it."""

        def noted(outcome: str, began: float, ended: float) -> None:
            around = within.get()
            if around is None:
                return
            asked = AuthorityCall(authority, kind, host, outcome)
            try:
                place = Place(around.traced, self._new_id(), around.span_id, began, ended)
                self._export.hand_over(self._maker.of_asking(asked, place))
            except Exception:  # noqa: BLE001 - a span is never worth an answer
                self._complain()

        return noted

    async def close(self, seconds: float) -> None:
        """Send what waits, within `seconds`; the last request is over."""
        await self._export.close(seconds)

    def _offset(self) -> float:
        return self._sources.clock() - self._now()

    def _new_id(self) -> int:
        return int(self._sources.random_hex.draw()[:16], 16)

    def _complain(self) -> None:
        """Tell of a fault of our own, the first time: it may happen with each request."""
        if not self._faulty:
            self._faulty = True
            _log.exception("span_creation_failed")


def open_tracing(sources: Sources) -> Tracing | None:
    """Start tracing as the standard variables say (OTEL_*); None where OTEL_SDK_DISABLED is true.

    To be called after a fork: a thread sends the spans. Raises GatewayError for variables that cannot be used.
    """
    provider = TracerProvider(shutdown_on_exit=False)  # for what it reads of the environment: nothing else is used
    if isinstance(provider.get_tracer(_NAME), NoOpTracer):
        return None
    protocol = os.environ.get(OTEL_EXPORTER_OTLP_TRACES_PROTOCOL) or os.environ.get(OTEL_EXPORTER_OTLP_PROTOCOL)
    if (protocol or _PROTOCOL) != _PROTOCOL:
        raise GatewayError(f"telemetry.traces: OTLP is spoken as {_PROTOCOL}, and the environment says {protocol}")
    try:
        return Tracing(sources, provider.sampler, _named(provider.resource, sources.version), OTLPSpanExporter())
    except (OSError, RuntimeError, ValueError) as error:
        raise GatewayError(f"telemetry.traces: an OTEL_* variable cannot be used: {error}") from error


def _named(resource: Resource, version: str) -> Resource:
    """Return what the environment says of this service, with our own name and version where it says none."""
    told = resource.attributes
    own = {SERVICE_VERSION: version} if SERVICE_VERSION not in told else {}
    if str(told[SERVICE_NAME]).startswith("unknown_service"):  # what the SDK calls one that nobody has named
        own[SERVICE_NAME] = _NAME
    return resource.merge(Resource(own))
