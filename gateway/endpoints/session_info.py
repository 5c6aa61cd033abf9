"""The endpoint that answers *who am I?* in a product's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from typing import Any

import msgspec
import structlog

from gateway.credentials.reader import CredentialReading
from gateway.dialects.dialect import DialectServer, InfoRequest, InfoResponse, SessionWanted
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.info_requests import info_request_of, with_caller, with_quota
from gateway.endpoints.session_cookies import dev_session_as_cookie
from gateway.gate import Gate, Identified
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.answers import Found, Resolution, Throttled, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import OnMany
from gateway.policy.limits import Limits, Taken
from gateway.telemetry.record import RequestRecord

SessionOf = Callable[[Credential, str, str, str], Awaitable[Verdict]]
"""(credential, session id, name of the authority that knows the credential, client address) -> another session of the
same user."""

METHODS = ("GET", "HEAD")
"""The methods that session-info endpoints answer besides OPTIONS."""

_METHOD_NOT_ALLOWED = 405
_ALLOW = (b"Allow", b"GET, HEAD, OPTIONS")
_log = structlog.get_logger(__name__)


class _Call(msgspec.Struct, frozen=True):
    """One request on its way: as it was read, as the dialect sees it, and its record."""

    access: AccessRequest
    info_request: InfoRequest
    record: RequestRecord


Answered = InfoResponse | Coroutine[Any, Any, InfoResponse]
"""The product's answer, or what has to be awaited for it."""


class SessionInfoEndpoint:
    """Answers at the dialect's paths with the caller's session.

    `now` is the monotonic clock of the records, in seconds. Every answer is in the dialect's words, our own faults
    included: its clients understand nothing else.
    """

    def __init__(
        self,
        dialect: DialectServer,
        policy: EndpointPolicy,
        gate: Gate,
        session_of: SessionOf,
        limits: Limits,
        now: Callable[[], float],
    ) -> None:
        self._dialect = dialect
        self._gate = gate
        self._session_of = session_of
        self._now = now
        self._policy = policy
        self._reading = CredentialReading(policy.readers, OnMany.REJECT)
        self._cookies = policy.cookies
        self.name = dialect.name
        self.paths = dialect.paths
        self.hosts = policy.hosts
        self._limiter = policy.limiter(f"session_info.{self.name}", limits)

    def answer(
        self,
        request: DownstreamRequest,  # noqa: ARG002 - the protocol's
        access: AccessRequest,
        record: RequestRecord,
    ) -> Serving:
        """Return the response, or what has to be awaited for it."""
        if access.method == "OPTIONS":
            return self._policy.options(access, _ALLOW)
        if self._policy.development:
            access = dev_session_as_cookie(access, self._cookies)
        info_request = info_request_of(access)
        call = _Call(access, info_request, record)
        try:
            answered = self._count_address(call)
        except Exception:  # noqa: BLE001 - the product's clients get the product's 500, whatever the fault is
            answered = self._fault(call)
        return self._response(answered, access) if isinstance(answered, InfoResponse) else self._wait(answered, call)

    async def _wait(self, answered: Coroutine[Any, Any, InfoResponse], call: _Call) -> Response:
        try:
            info_response = await answered
        except Exception:  # noqa: BLE001 - as in `answer`
            info_response = self._fault(call)
        return self._response(info_response, call.access)

    def _count_address(self, call: _Call) -> Answered:
        """Refuse what needs no look-up."""
        if call.access.method not in METHODS:
            return self._refuse(Refusal(RefusalCode.METHOD_NOT_ALLOWED, "a method that this path does not have"), call)
        if self._limiter is None:
            return self._identify(call)
        return self._limiter.count_address(call.access.client, lambda taken: self._identify(call, taken))

    def _identify(self, call: _Call, taken: Taken | None = None) -> Answered:
        """Look for the caller's session, if the address has a token left."""
        if taken is not None and taken.refusal is not None:
            return self._refuse(taken.refusal, call, taken)
        identified = self._gate.identify(call.access, self._reading)
        return (
            self._count_caller(identified, call)
            if isinstance(identified, Identified)
            else self._known(identified, call)
        )

    async def _known(self, identified: Awaitable[Identified], call: _Call) -> InfoResponse:
        answered = self._count_caller(await identified, call)
        return answered if isinstance(answered, InfoResponse) else await answered

    def _count_caller(self, identified: Identified, call: _Call) -> Answered:
        session = identified.resolution.session
        call.record.decision = decision_of(call.access, identified)
        call.record.decided = self._now()
        if isinstance(identified.resolution.answer, Throttled):
            return self._refuse(refusal_of(identified.resolution.answer), call)
        if self._limiter is None or session is None:
            return self._reply(identified, call)
        return self._limiter.count_caller(session, lambda taken: self._reply(identified, call, taken))

    def _reply(self, identified: Identified, call: _Call, taken: Taken | None = None) -> Answered:
        """Answer with the caller's session, or wait for another one of the same user that the request names."""
        if taken is not None and taken.refusal is not None:
            return self._refuse(taken.refusal, call, taken)
        resolution, info_request = identified.resolution, with_caller(call.info_request, identified)
        reply = self._dialect.reply(resolution.answer, info_request)
        if isinstance(reply, InfoResponse):
            return _with_age(reply, resolution)
        return self._reply_with(reply, identified, info_request, call.access.client)

    async def _reply_with(
        self, wanted: SessionWanted, identified: Identified, info_request: InfoRequest, client: str
    ) -> InfoResponse:
        """Answer with the session that the dialect wanted."""
        resolution = identified.resolution
        if identified.credential is None:
            raise TypeError("a dialect asks for another session only of a caller who is known")
        verdict = await self._session_of(identified.credential, wanted.session_id, resolution.authority, client)
        info_request = msgspec.structs.replace(info_request, session_id=wanted.session_id)
        reply = self._dialect.reply(verdict, info_request)
        if isinstance(reply, SessionWanted):
            raise TypeError("a dialect asks for another session once")
        return _with_age(reply, resolution)

    def _fault(self, call: _Call) -> InfoResponse:
        """Log the exception that is handled, and word it."""
        _log.exception("request_failed", request_id=call.access.request_id, endpoint=self.name)
        call.record.fault = "unexpected"
        return self._refuse(Refusal(RefusalCode.INTERNAL, "unexpected fault"), call)

    def _refuse(self, refusal: Refusal, call: _Call, taken: Taken | None = None) -> InfoResponse:
        """Add the refusal to the record's decision, and let the dialect word it."""
        decision = call.record.decision or Decision(access=call.access)
        call.record.decision = msgspec.structs.replace(decision, refusal=refusal, rule=refusal.code.value)
        info_request = call.info_request if taken is None else with_quota(call.info_request, taken)
        return self._dialect.refuse(refusal, info_request)

    def _response(self, info_response: InfoResponse, access: AccessRequest) -> Response:
        fields = _fields(info_response.content_type) + info_response.headers
        if info_response.status == _METHOD_NOT_ALLOWED:
            fields += (_ALLOW,)
        fields += self._policy.cross_origin(access)
        return Response(info_response.status, fields, info_response.body)


@cache
def _fields(content_type: bytes) -> HeaderPairs:
    """Return what every answer of that type has: some products answer in plain text."""
    return json_fields(content_type=content_type)


def _with_age(info_response: InfoResponse, resolution: Resolution) -> InfoResponse:
    """Add the age in seconds of a stale answer, given while its authority is unavailable (RFC 9111 section 5.1)."""
    if not resolution.stale:
        return info_response
    return msgspec.structs.replace(info_response, headers=(*info_response.headers, (b"Age", b"%d" % resolution.age)))


def decision_of(access: AccessRequest, identified: Identified) -> Decision:
    """Return the decision for the record: who the caller is, or why the answer is none."""
    answer = identified.resolution.answer
    return Decision(
        access=access,
        credential=identified.credential,
        resolution=identified.resolution,
        refusal=None if isinstance(answer, Found) else refusal_of(answer),
        rule="credential",
    )
