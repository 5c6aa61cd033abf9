"""The endpoint to the upstreams: judge, then carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.endpoints.access_reader import AccessReader, forwarded_headers
from gateway.endpoints.refusals import refusal_response
from gateway.endpoints.session_cookies import CookieRenewal, dev_session_as_cookie
from gateway.gate import Gate
from gateway.model.decision import AccessRequest, Response
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer
from gateway.upstream.forwarder import Forwarder

_NOT_KEPT = ((b"Cache-Control", b"no-store"),)


class Proxy:
    """Answers wherever no own path does.

    `renewal` tells of new cookies. `development` are the cookies for which a token in the query stands, which is cut
    out of the target before anything is judged or carried.
    """

    name = "proxy"
    paths: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()

    def __init__(
        self,
        gate: Gate,
        forwarder: Forwarder,
        accesses: AccessReader,
        now: Callable[[], float],
        renewal: CookieRenewal | None = None,
        *,
        development: Sequence[bytes] = (),
    ) -> None:
        self._gate = gate
        self._forwarder = forwarder
        self._accesses = accesses
        self._now = now
        self._renewal = renewal
        self._development = development

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> EndpointAnswer:
        """Carry the request if it may pass; else say why not."""
        if self._development:
            access = dev_session_as_cookie(access, self._development)
        decision = await self._gate.decide(access)
        record.decision = decision
        record.decided = self._now()
        if decision.refusal is not None:
            return refusal_response(decision.refusal, access.request_id, decision.caller_headers)
        if decision.answered:
            return Response(204, (*_NOT_KEPT, *decision.caller_headers))
        if self._renewal is not None and (renewed := self._renewal.fields(decision)):
            decision = msgspec.structs.replace(decision, caller_headers=(*decision.caller_headers, *renewed))
        believed = self._accesses.trusts(access.peer)
        # A `tracestate` belongs to its trace: beside one that begins here it would be a lie (Trace Context, 3.3).
        state = b",".join(access.headers.all(b"tracestate")) if record.trace_continued else b""
        added = forwarded_headers(access, believed=believed, traceparent=record.traceparent, tracestate=state)
        carried = await self._forwarder.forward(request, decision, added, record)
        if isinstance(carried, Refusal):
            return refusal_response(carried, access.request_id, decision.caller_headers)
        return carried
