"""The endpoint to the upstreams: judge, then carry."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.forwarded_headers import forwarded_headers
from gateway.endpoints.refusals import decision_refusal
from gateway.endpoints.session_cookies import CookieRenewal, dev_session_as_cookie
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.decision import AccessRequest, Decision, Response
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.forwarder import Forwarder

_NOT_KEPT = ((b"Cache-Control", b"no-store"),)


class Proxy:
    """Answers wherever no own path does.

    `renewal` tells of new cookies. `development` are the cookies for which a token in the query stands, which is cut
    out of the target before anything is judged or carried. `now` is the monotonic clock of the records, in seconds.
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
            return decision_refusal(decision, decision.refusal)
        if decision.answered:
            return Response(204, (*_NOT_KEPT, *decision.caller_headers))
        if self._renewal is not None and (renewed := self._renewal.fields(decision)):
            decision = decision.with_caller_headers(renewed)
        made = access.headers.made
        added: bytes | None = made.get(self)
        if added is None:
            fields = forwarded_headers(access, believed=self._accesses.trusts(access.peer))
            added = made[self] = b"".join([b"%b: %b\r\n" % field for field in fields])
        begun = self._forwarder.forward(request, decision, added, record, _refuse)
        if begun is None:
            return None
        if isinstance(begun, Refusal):
            record.refusal = begun
            return decision_refusal(decision, begun)
        return _wait(begun, decision, record)


def _refuse(request: DownstreamRequest, decision: Decision, refusal: Refusal) -> None:
    """Answer a request that could not be carried."""
    if request.record is not None:
        request.record.refusal = refusal
    request.complete(decision_refusal(decision, refusal))


async def _wait(
    begun: Coroutine[Any, Any, Refusal | None], decision: Decision, record: RequestRecord
) -> Response | None:
    """Wait until a request is under way, or cannot be."""
    refusal = await begun
    if refusal is None:
        return None
    record.refusal = refusal
    return decision_refusal(decision, refusal)
