"""The endpoint to the upstreams: judge, then carry."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from gateway.endpoints.access_reader import AccessReader, forwarded_headers
from gateway.endpoints.refusals import refusal_response
from gateway.endpoints.session_cookies import CookieRenewal, dev_session_as_cookie
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest, Forwarded, Serving
from gateway.model.decision import AccessRequest, Decision, Response
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
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

    def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Serving:
        """Carry the request if it may pass; else say why not."""
        if self._development:
            access = dev_session_as_cookie(access, self._development)
        judged = self._gate.decide_now(access)
        if isinstance(judged, Decision):
            return self._proceed(request, judged, record)
        return self._when_judged(request, judged, record)

    async def _when_judged(
        self, request: DownstreamRequest, judged: Coroutine[Any, Any, Decision], record: RequestRecord
    ) -> Response | None:
        """Wait for the decision, then go on as with any other."""
        reply = self._proceed(request, await judged, record)
        return reply if reply is None or isinstance(reply, Response) else await reply

    def _proceed(self, request: DownstreamRequest, decision: Decision, record: RequestRecord) -> Serving:
        access = decision.access
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
        state = b",".join(request.head.names.tracestate) if record.trace_continued else b""
        added = forwarded_headers(access, believed=believed, traceparent=record.traceparent, tracestate=state)
        carried = _Carried(request, decision)
        begun = self._forwarder.forward(request, decision, added, record, carried.done)
        if begun is None:
            return None
        return carried.worded(begun) if isinstance(begun, Refusal) else carried.wait(begun)


class _Carried:
    """A request that was allowed, until it is answered."""

    __slots__ = ("_decision", "_request")

    def __init__(self, request: DownstreamRequest, decision: Decision) -> None:
        self._request = request
        self._decision = decision

    def done(self, outcome: Forwarded | Refusal) -> None:
        """Take what came of it."""
        self._request.complete(self.worded(outcome) if isinstance(outcome, Refusal) else outcome)

    def worded(self, refusal: Refusal) -> Response:
        """Word why there is no answer of the upstream's."""
        return refusal_response(refusal, self._decision.access.request_id, self._decision.caller_headers)

    async def wait(self, begun: Coroutine[Any, Any, Refusal | None]) -> Response | None:
        """Wait until it is under way, or cannot be."""
        refusal = await begun
        return None if refusal is None else self.worded(refusal)
