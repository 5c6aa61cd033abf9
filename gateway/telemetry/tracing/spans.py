"""The spans of one request, made after it has ended from what its record says.

request (SERVER)
├── resolve (INTERNAL)       when a credential was shown
│   └── authority (CLIENT)   when one was asked, also by a refresh that outlives the request
└── upstream (CLIENT)        when it was to be carried
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
from gateway.telemetry.traced import Traced
from gateway.telemetry.tracing.attributes import OTHER, Attributes, method_of, of_request, of_resolution, of_upstream

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_CLIENT_FAULT, _SERVER_FAULT = 400, 500

_NOBODYS_FAULT = frozenset({"client gone", "ended by revocation or drain"})
"""Faults (`forwarding.faults`) that an exchange has although nothing went wrong here or behind."""

_UNAVAILABLE = "unavailable"


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a span stands: its request, its own id and its parent's (0 for none), and when it began and ended."""

    traced: Traced
    span_id: int
    parent_id: int
    began: float
    ended: float


class AuthorityCall(msgspec.Struct, frozen=True, gc=False):
    """A question to an authority: the authority's name, kind and host as the config has them, and what came of it.

    `outcome` is found, rejected, not_mine or unavailable.
    """

    authority: str
    kind: str
    host: str
    outcome: str


class SpanMaker:
    """Makes finished spans, of `resource` and this program's `version`."""

    def __init__(self, resource: Resource, version: str) -> None:
        self._resource = resource
        self._scope = InstrumentationScope("gateway", version, Schemas.V1_25_0.value)

    def of_request(self, record: RequestRecord, traced: Traced) -> Iterator[ReadableSpan]:
        """Yield every span of an ended request, but those of the authorities that were asked for it."""
        place = Place(traced, traced.span_id, traced.parent_id, record.started, record.finished)
        told = of_request(record)
        method, route = method_of(record), told.get(HTTP_ROUTE)
        name = "HTTP" if method == OTHER else method
        yield self._span(f"{name} {route}" if route else name, SpanKind.SERVER, place, told, _error(record))
        if traced.resolve_id:
            yield self._resolve(record, traced)
        if record.upstream_began:
            yield self._upstream(record, traced)

    def of_asking(self, asked: AuthorityCall, place: Place) -> ReadableSpan:
        """Return the span of an authority; one that verifies tokens does so here, so that is no call to anybody."""
        told: Attributes = {
            "gateway.authority": asked.authority,
            "gateway.authority.kind": asked.kind,
            "gateway.answer": asked.outcome,
        }
        if asked.host:
            told[SERVER_ADDRESS] = asked.host
        kind = SpanKind.INTERNAL if asked.kind == "jwt" else SpanKind.CLIENT
        error = asked.outcome if asked.outcome == _UNAVAILABLE else ""
        return self._span(f"authority {asked.authority}", kind, place, told, error)

    def _resolve(self, record: RequestRecord, traced: Traced) -> ReadableSpan:
        place = Place(traced, traced.resolve_id, traced.span_id, traced.resolve_began, traced.resolve_ended)
        told = of_resolution(traced.resolution, record.decision) if traced.resolution is not None else {}
        error = _UNAVAILABLE if told.get("gateway.answer") == _UNAVAILABLE else ""
        return self._span("resolve", SpanKind.INTERNAL, place, told, error)

    def _upstream(self, record: RequestRecord, traced: Traced) -> ReadableSpan:
        place = Place(traced, traced.upstream_id, traced.span_id, record.upstream_began, record.finished)
        events: tuple[Event, ...] = ()
        if record.upstream_first_byte:
            events = (Event("first byte", timestamp=_nanoseconds(traced, record.upstream_first_byte)),)
        error = _upstream_error(record)
        return self._span(method_of(record), SpanKind.CLIENT, place, of_upstream(record), error, events)

    def _span(
        self,
        name: str,
        kind: SpanKind,
        place: Place,
        told: Attributes,
        error: str,
        events: tuple[Event, ...] = (),
    ) -> ReadableSpan:
        traced = place.traced
        parent = None
        if place.parent_id:
            parent = SpanContext(traced.trace_id, place.parent_id, kind is SpanKind.SERVER, _SAMPLED)
        if error:
            told[ERROR_TYPE] = error
        return ReadableSpan(
            name,
            context=SpanContext(traced.trace_id, place.span_id, is_remote=False, trace_flags=_SAMPLED),
            parent=parent,
            resource=self._resource,
            attributes=told,
            events=events,
            kind=kind,
            status=_ERROR if error else _UNSET,
            start_time=_nanoseconds(traced, place.began),
            end_time=_nanoseconds(traced, place.ended),
            instrumentation_scope=self._scope,
        )


def _error(record: RequestRecord) -> str:
    """Return what went wrong on our side: a status of 4xx is the caller's doing, whatever the fault was."""
    if record.status >= _SERVER_FAULT:
        return record.fault or str(record.status)
    return _fault(record) if record.status < _CLIENT_FAULT else ""


def _upstream_error(record: RequestRecord) -> str:
    """Return what went wrong with the upstream; to whoever asks, a status of 4xx is an error as well."""
    return _fault(record) or (str(record.upstream_status) if record.upstream_status >= _CLIENT_FAULT else "")


def _fault(record: RequestRecord) -> str:
    return "" if record.upgraded or record.fault in _NOBODYS_FAULT else record.fault


def _nanoseconds(traced: Traced, instant: float) -> int:
    """Return an instant of the monotonic clock as OpenTelemetry counts: nanoseconds of the epoch."""
    return int((traced.offset + instant) * 1e9)
