"""The endpoint that answers *who am I?* in a product's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from gateway.credentials.reader import UNREADABLE, Reader
from gateway.dialects.dialect import DialectServer, InfoRequest, InfoResponse, Quota, SessionWanted
from gateway.endpoints.session_cookies import dev_session_as_cookie
from gateway.gate import Gate, Identified
from gateway.http1.downstream import DownstreamRequest
from gateway.model.answers import Found, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import RateLimit
from gateway.policy.cross_origin import VARY_BY_ORIGIN, Cors
from gateway.policy.limits import Limits, RateLimiter, Taken
from gateway.telemetry.record import RequestRecord

SessionOf = Callable[[Credential, str, str], Awaitable[Verdict]]
"""(credential, session id, name of the authority that knows the credential) -> another session of the same user."""

METHODS = ("GET", "HEAD")
"""The methods that session-info endpoints answer besides OPTIONS."""

_METHOD_NOT_ALLOWED = 405
_ALLOW = (b"Allow", b"GET, HEAD, OPTIONS")
_FIELDS = json_fields()
_log = structlog.get_logger(__name__)


class EndpointPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one session-info endpoint: its host names (empty: all), rate limit, CORS, development.

    `readers` are the only ones that it uses.
    """

    readers: tuple[Reader, ...] = ()
    hosts: frozenset[str] = frozenset()
    rate_limit: RateLimit | None = None
    cors: Cors | None = None
    development: bool = False


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
        self._cookies = tuple(sorted(name for reader in policy.readers for name in reader.cookies))
        self.name = dialect.name
        self.paths = dialect.paths
        self.hosts = policy.hosts
        self._limiter = (
            RateLimiter(f"session_info.{self.name}", policy.rate_limit, limits)
            if policy.rate_limit is not None
            else None
        )

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Return the response, complete and not yet sent."""
        del request
        if access.method == "OPTIONS":
            return self._options(access)
        if self._policy.development:
            access = dev_session_as_cookie(access, self._cookies)
        info_request = InfoRequest(
            path=access.target.match,
            query=access.target.query,
            request_id=access.request_id,
            now=datetime.fromtimestamp(access.received_at, UTC),
        )
        try:
            info_response = await self._judge(access, info_request, record)
        except Exception:  # noqa: BLE001 - the product's clients get the product's 500, whatever the fault is
            _log.exception("request_failed", request_id=access.request_id, endpoint=self.name)
            record.fault = "unexpected"
            refusal = Refusal(RefusalCode.INTERNAL, "unexpected fault")
            info_response = self._refuse(refusal, access, info_request, record)
        return self._response(info_response, access)

    async def _judge(self, access: AccessRequest, info_request: InfoRequest, record: RequestRecord) -> InfoResponse:
        """Refuse what needs no look-up, identify the caller, and let the dialect answer."""
        if access.method not in METHODS:
            return self._refuse(Refusal(RefusalCode.METHOD_NOT_ALLOWED, "method"), access, info_request, record)
        taken = await self._take(self._limiter.address_bucket(access.client) if self._limiter is not None else None)
        if taken is not None and taken.refusal is not None:
            return self._refuse(taken.refusal, access, _with_quota(info_request, taken), record)
        identified = await self._gate.identify(access, self._policy.readers)
        resolution, session = identified.resolution, identified.resolution.session
        record.decision = _decision(access, identified)
        record.decided = self._now()
        if self._limiter is not None and session is not None:
            taken = await self._take(self._limiter.caller_bucket(session))
            if taken is not None and taken.refusal is not None:
                return self._refuse(taken.refusal, access, _with_quota(info_request, taken), record)
        info_response = await self._reply(identified, info_request)
        return _with_age(info_response, resolution.age) if resolution.stale else info_response

    async def _take(self, bucket: str | None) -> Taken | None:
        return None if self._limiter is None or bucket is None else await self._limiter.take(bucket)

    async def _reply(self, identified: Identified, info_request: InfoRequest) -> InfoResponse:
        """Answer with the caller's session, or with another one of the same user that the request names."""
        credential = identified.credential
        authority = identified.resolution.authority
        malformed = credential is not None and UNREADABLE in credential.parts
        info_request = msgspec.structs.replace(
            info_request, credential=credential, malformed=malformed, authority=authority
        )
        reply = self._dialect.reply(identified.resolution.answer, info_request)
        if isinstance(reply, SessionWanted) and credential is not None:
            verdict = await self._session_of(credential, reply.session_id, authority)
            info_request = msgspec.structs.replace(info_request, session_id=reply.session_id)
            reply = self._dialect.reply(verdict, info_request)
        if isinstance(reply, SessionWanted):
            raise TypeError("a dialect asks for another session once, and only of a caller who is known")
        return reply

    def _refuse(
        self, refusal: Refusal, access: AccessRequest, info_request: InfoRequest, record: RequestRecord
    ) -> InfoResponse:
        """Add the refusal to the record's decision, and let the dialect word it."""
        decision = record.decision or Decision(access=access)
        record.decision = msgspec.structs.replace(decision, refusal=refusal, rule=refusal.code.value)
        return self._dialect.refuse(refusal, info_request)

    def _options(self, access: AccessRequest) -> Response:
        """Answer with the allowed methods (RFC 9110 section 9.3.7), and to a listed page with the fields of CORS."""
        cors = self._policy.cors
        fields = (cors.preflight(access) or VARY_BY_ORIGIN) if cors is not None else ()
        return Response(204, (_ALLOW, (b"Cache-Control", b"no-store"), *fields))

    def _response(self, info_response: InfoResponse, access: AccessRequest) -> Response:
        fields = _FIELDS + info_response.headers
        if info_response.status == _METHOD_NOT_ALLOWED:
            fields += (_ALLOW,)
        if self._policy.cors is not None:
            fields += self._policy.cors.fields(access)
        return Response(info_response.status, fields, info_response.body)


def _with_quota(info_request: InfoRequest, taken: Taken) -> InfoRequest:
    bucket = taken.bucket
    resets_at = info_request.now + timedelta(seconds=bucket.full_after)
    return msgspec.structs.replace(info_request, quota=Quota(bucket.burst, bucket.remaining, resets_at))


def _with_age(info_response: InfoResponse, age: float) -> InfoResponse:
    """Add the age in seconds of a stale answer, given while its authority is unavailable (RFC 9111 section 5.1)."""
    return msgspec.structs.replace(info_response, headers=(*info_response.headers, (b"Age", b"%d" % age)))


def _decision(access: AccessRequest, identified: Identified) -> Decision:
    """Return the decision for the record: who the caller is, or why the answer is none."""
    answer = identified.resolution.answer
    return Decision(
        access=access,
        credential=identified.credential,
        resolution=identified.resolution,
        refusal=None if isinstance(answer, Found) else refusal_of(answer),
        rule="credential",
    )
