from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from gateway.model.answers import Resolution, Tier, Unavailable
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.trace_context import TracedRequest
from gateway.telemetry.tracing.spans import AuthorityCall, SpanMaker, SpanPlace
from tests.support.gateways.spans import began, context, ended, told

SECOND = 1_000_000_000
MAKER = SpanMaker(Resource({"service.name": "gw"}), "1.2.3")


def traced() -> TracedRequest:
    return TracedRequest(trace_id=0xA, span_id=0xB, upstream_id=0xC, parent_id=0xD, offset=1000.0)


def record(status: int = 200, upstream_status: int = 0, fault: str = "", *, upgraded: bool = False) -> RequestRecord:
    made = RequestRecord("req-1", 1.0)
    made.method, made.status, made.fault, made.upgraded = "GET", status, fault, upgraded
    made.upstream_status, made.upstream_began, made.upstream_first_byte, made.finished = upstream_status, 2.0, 3.0, 4.0
    return made


def spans(record: RequestRecord, of: TracedRequest | None = None) -> list[ReadableSpan]:
    return list(MAKER.of_request(record, of or traced()))


def test_spans_stand_at_the_instants_of_the_record_on_the_wall_clock() -> None:
    request, upstream = spans(record())
    assert (began(request), ended(request)) == (1001 * SECOND, 1004 * SECOND)
    assert (began(upstream), ended(upstream)) == (1002 * SECOND, 1004 * SECOND)
    assert [(event.name, event.timestamp) for event in upstream.events] == [("first byte", 1003 * SECOND)]


def test_each_has_the_id_that_was_told_of_it() -> None:
    request, upstream = spans(record())
    assert [context(span).span_id for span in (request, upstream)] == [0xB, 0xC]
    assert request.parent is not None
    assert upstream.parent is not None
    assert [(span.span_id, span.is_remote) for span in (request.parent, upstream.parent)] == [(0xD, True), (0xB, False)]
    assert (request.kind, upstream.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert request.resource.attributes["service.name"] == "gw"
    assert request.instrumentation_scope is not None
    assert (request.instrumentation_scope.name, request.instrumentation_scope.version) == ("gateway", "1.2.3")


def test_what_was_answered_before_a_decision_has_one_span() -> None:
    answered = record(204)
    answered.upstream_began = answered.upstream_first_byte = 0.0
    assert [span.name for span in spans(answered)] == ["GET"]


def test_a_resolving_that_found_nobody_to_ask_is_an_error() -> None:
    of = traced()
    of.resolve_id, of.resolve_began, of.resolve_ended = 0xE, 1.25, 1.5
    of.resolution = Resolution(answer=Unavailable("away"), tier=Tier.AUTHORITY)
    resolve = spans(record(503), of)[1]
    assert (resolve.name, context(resolve).span_id, ended(resolve) - began(resolve)) == ("resolve", 0xE, SECOND // 4)
    assert (told(resolve)["error.type"], resolve.status.status_code) == ("unavailable", StatusCode.ERROR)


def test_a_resolving_that_its_caller_did_not_wait_for_tells_nothing_more() -> None:
    of = traced()
    of.resolve_id, of.resolve_began, of.resolve_ended = 0xE, 1.25, 1.5
    assert told(spans(record(0, fault="client gone"), of)[1]) == {}


@pytest.mark.parametrize(
    ("ended_as", "of_request", "of_upstream"),
    [
        (record(200, 200), "", ""),
        (record(404, 404), "", "404"),
        (record(500, 500), "500", "500"),
        (record(503), "503", ""),
        (record(502, fault="connect refused"), "connect refused", "connect refused"),
        (record(200, 200, "truncated"), "truncated", "truncated"),
        (record(408, fault="client stalled"), "", "client stalled"),
        (record(0, fault="client gone"), "", ""),
        (record(200, 500, "client gone"), "", "500"),
        (record(200, 200, "ended by revocation or drain"), "", ""),
        (record(101, 101, "idle timeout", upgraded=True), "", ""),
        (record(500, fault="unexpected"), "unexpected", "unexpected"),
    ],
)
def test_an_error_is_what_went_wrong_here_or_behind(ended_as: RequestRecord, of_request: str, of_upstream: str) -> None:
    for span, error in zip(spans(ended_as), (of_request, of_upstream), strict=True):
        assert told(span).get("error.type", "") == error
        assert span.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)


@pytest.mark.parametrize(("kind", "span_kind"), [("remote", SpanKind.CLIENT), ("jwt", SpanKind.INTERNAL)])
def test_an_authority_that_verifies_by_itself_is_no_client_of_anybody(kind: str, span_kind: SpanKind) -> None:
    span = MAKER.of_authority_call(
        AuthorityCall("accounts", kind, "id.test", "found"), SpanPlace(traced(), 0xF, 0xE, 1.0, 2.0)
    )
    assert (span.kind, span.name, context(span).span_id) == (span_kind, "authority accounts", 0xF)
    assert span.parent is not None
    assert span.parent.span_id == 0xE
    assert told(span)["server.address"] == "id.test"
