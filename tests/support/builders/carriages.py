"""Requests on their way, for tests that begin behind the front."""

from __future__ import annotations

from gateway.front.body import CallerBody
from gateway.http1.downstream import DownstreamRequest
from gateway.http1.head_parser import RequestHead
from gateway.http1.header_block import HeaderBlock
from gateway.model.decision import Decision, HeaderPairs, Response
from gateway.model.headers import Headers
from gateway.model.refusal import Refusal
from gateway.model.route import Match, Route, Timeouts
from gateway.telemetry.record import RequestRecord
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.open_streams import OpenStreams
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient


def downstream_request(
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
    *,
    keep_alive: bool = True,
    upgrade: bool = False,
    expects: bool = False,
    body: CallerBody | None = None,
    connection: FakeClient | None = None,
) -> DownstreamRequest:
    """A request that no front has read."""
    block = HeaderBlock(Headers(()), upgrade=upgrade, expects=expects)
    head = RequestHead(method, "/", version, block, keep_alive, upgrade)
    return DownstreamRequest(head, body, connection or FakeClient())


def request_body(connection: FakeClient, *, chunked: bool = False, length: int = 3) -> CallerBody:
    """A request's body that the test feeds."""
    return CallerBody(connection, chunked=chunked, length=0 if chunked else length)


def answer_refused(request: DownstreamRequest, _decision: Decision, refusal: Refusal) -> None:
    """Answer a request that could not be carried, by the refusal's status alone."""
    request.complete(Response(refusal.status))


def forward_context(
    request: DownstreamRequest | None = None,
    fields: HeaderPairs = (),
    *,
    target: str = "/",
    added: bytes = b"",
    timeouts: Timeouts | None = None,
    caller_headers: HeaderPairs = (),
    **route: object,
) -> ForwardContext:
    request = request or downstream_request()
    decision = Decision(
        access=access_request(request.head.method, target, fields),
        route=Route(name="all", match=Match("/"), timeouts=timeouts or Timeouts(), **route),  # type: ignore[arg-type]
        caller_headers=caller_headers,
    )
    return ForwardContext(
        request, decision, added, RequestRecord("req-1", 0.0), OpenStreams(lambda: 0.0), answer_refused
    )
