"""The spans of one request, made of its record after it has ended.

request (SERVER)
├── resolve (INTERNAL)       when the request has a credential
│   └── authority (CLIENT)   when one was asked, also by a refresh that outlives the request
└── upstream (CLIENT)        when the request was to be forwarded
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import HTTP_ROUTE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway.telemetry.record import RequestRecord
from gateway.telemetry.trace_context import TracedRequest
from gateway.telemetry.tracing.attributes import OTHER, Attributes, method_of, of_request, of_resolution, of_upstream

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_CLIENT_FAULT, _SERVER_FAULT = 400, 500

_NO_FAULTS = frozenset({"client gone", "ended by revocation or drain"})
"""The `fault` of records (`http1.faults`) whose exchange ended early without an error of ours or the upstream's."""

_UNAVAILABLE = "unavailable"


class SpanPlace(msgspec.Struct, frozen=True, gc=False):
    """Request, span id and parent id (0 for none) of a span, and when it began and ended on the monotonic clock (s)."""

    traced: TracedRequest
    span_id: int
    parent_id: int
    began: float
    ended: float


class AuthorityCall(msgspec.Struct, frozen=True, gc=False):
    """A call to an authority: its name, kind and host from the config, and the outcome.

    `outcome` is found, rejected, not_mine or unavailable.
    """

    authority: str
    kind: str
    host: str
    outcome: str


class SpanMaker:
    """Makes finished spans for `resource`; `version` is this program's."""

    def __init__(self, resource: Resource, version: str) -> None:
        self._resource = resource
        self._scope = InstrumentationScope("gateway", version, Schemas.V1_25_0.value)

    def of_request(self, record: RequestRecord, traced: TracedRequest) -> Iterator[ReadableSpan]:
        """Yield every span of a finished request, except those of the authorities that were asked for it."""
        place = SpanPlace(traced, traced.span_id, traced.parent_id, record.started, record.finished)
        attributes = of_request(record)
        method, route = method_of(record), attributes.get(HTTP_ROUTE)
        name = "HTTP" if method == OTHER else method
        yield self._span(f"{name} {route}" if route else name, SpanKind.SERVER, place, attributes, _error(record))
        if traced.resolve_id:
            yield self._resolve(record, traced)
        if record.upstream_began:
            yield self._upstream(record, traced)

    def of_authority_call(self, call: AuthorityCall, place: SpanPlace) -> ReadableSpan:
        """Return the span of an authority; it is internal for `jwt`, which verifies tokens in this process."""
        attributes: Attributes = {
            "gateway.authority": call.authority,
            "gateway.authority.kind": call.kind,
            "gateway.answer": call.outcome,
        }
        if call.host:
            attributes[SERVER_ADDRESS] = call.host
        kind = SpanKind.INTERNAL if call.kind == "jwt" else SpanKind.CLIENT
        error = call.outcome if call.outcome == _UNAVAILABLE else ""
        return self._span(f"authority {call.authority}", kind, place, attributes, error)

    def _resolve(self, record: RequestRecord, traced: TracedRequest) -> ReadableSpan:
        place = SpanPlace(traced, traced.resolve_id, traced.span_id, traced.resolve_began, traced.resolve_ended)
        attributes = of_resolution(traced.resolution, record.decision) if traced.resolution is not None else {}
        error = _UNAVAILABLE if attributes.get("gateway.answer") == _UNAVAILABLE else ""
        return self._span("resolve", SpanKind.INTERNAL, place, attributes, error)

    def _upstream(self, record: RequestRecord, traced: TracedRequest) -> ReadableSpan:
        place = SpanPlace(traced, traced.upstream_id, traced.span_id, record.upstream_began, record.finished)
        events: tuple[Event, ...] = ()
        if record.upstream_first_byte:
            events = (Event("first byte", timestamp=_nanoseconds(traced, record.upstream_first_byte)),)
        error = _upstream_error(record)
        return self._span(method_of(record), SpanKind.CLIENT, place, of_upstream(record), error, events)

    def _span(
        self,
        name: str,
        kind: SpanKind,
        place: SpanPlace,
        attributes: Attributes,
        error: str,
        events: tuple[Event, ...] = (),
    ) -> ReadableSpan:
        traced = place.traced
        parent = None
        if place.parent_id:
            parent = SpanContext(traced.trace_id, place.parent_id, kind is SpanKind.SERVER, _SAMPLED)
        if error:
            attributes[ERROR_TYPE] = error
        return ReadableSpan(
            name,
            context=SpanContext(traced.trace_id, place.span_id, is_remote=False, trace_flags=_SAMPLED),
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            events=events,
            kind=kind,
            status=_ERROR if error else _UNSET,
            start_time=_nanoseconds(traced, place.began),
            end_time=_nanoseconds(traced, place.ended),
            instrumentation_scope=self._scope,
        )


def _error(record: RequestRecord) -> str:
    """Return our own error; a status of 4xx is the caller's fault, whatever the record's fault is."""
    if record.status >= _SERVER_FAULT:
        return record.fault or str(record.status)
    return _fault(record) if record.status < _CLIENT_FAULT else ""


def _upstream_error(record: RequestRecord) -> str:
    """Return the upstream's error; for a client span a status of 4xx is an error too."""
    return _fault(record) or (str(record.upstream_status) if record.upstream_status >= _CLIENT_FAULT else "")


def _fault(record: RequestRecord) -> str:
    return "" if record.upgraded or record.fault in _NO_FAULTS else record.fault


def _nanoseconds(traced: TracedRequest, instant: float) -> int:
    """Return an instant of the monotonic clock (s) as OpenTelemetry counts: epoch nanoseconds."""
    return int((traced.offset + instant) * 1e9)
