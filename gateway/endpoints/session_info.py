"""The endpoint that answers *who am I?* in a product's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from gateway.credentials.reader import UNREADABLE, Reader
from gateway.dialects.dialect import DialectServer, InfoRequest, InfoResponse, Quota, SessionWanted
from gateway.endpoints.development import dev_session_as_cookie
from gateway.gate import Gate, Identified
from gateway.model.answers import Found, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import LimitBy, RateLimit
from gateway.policy.cors import Cors
from gateway.policy.limits import Limits, bucket_of_address, bucket_of_caller
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest

SessionOf = Callable[[Credential, str, str], Awaitable[Found | Rejected | Unavailable]]
"""(credential, session id, name of the authority that knew the credential) -> another session of the same user."""

_READING = frozenset({"GET", "HEAD"})
_METHOD_NOT_ALLOWED = 405
_ALLOW = (b"Allow", b"GET, HEAD, OPTIONS")
_FIELDS = json_fields()
_log = structlog.get_logger(__name__)


class EndpointPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What one session-info endpoint has of its own: host names (empty: all), rate limit, CORS, development.

    `readers` are the ones that are read here, and no others.
    """

    readers: tuple[Reader, ...] = ()
    hosts: frozenset[str] = frozenset()
    rate_limit: RateLimit | None = None
    cors: Cors | None = None
    development: bool = False


class SessionInfoEndpoint:
    """Answers at the dialect's paths with the session of whoever asks.

    `now` is the monotonic clock of the records. Whatever goes wrong is answered in the dialect's words, our own faults
    as well: its clients understand nothing else.
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
        self._limits = limits
        self._now = now
        self._policy = policy
        self._cookies = tuple(sorted(name for reader in policy.readers for name in reader.cookies))
        self.name = dialect.name
        self.paths = dialect.paths
        self.hosts = policy.hosts

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Return the response, complete and not yet sent."""
        del request
        if access.method == "OPTIONS":
            return self._options(access)
        if self._policy.development:
            access = dev_session_as_cookie(access, self._cookies)
        ask = InfoRequest(
            path=access.target.match,
            query=access.target.query,
            request_id=access.request_id,
            now=datetime.fromtimestamp(access.received_at, UTC),
        )
        try:
            reply = await self._judge(access, ask, record)
        except Exception:  # noqa: BLE001 - the product's clients read the product's 500, whatever the fault was
            _log.exception("request_failed", request_id=access.request_id, endpoint=self.name)
            record.fault = "unexpected"
            reply = self._refuse(Refusal(RefusalCode.INTERNAL, "unexpected fault"), access, ask, record)
        return self._response(reply, access)

    async def _judge(self, access: AccessRequest, ask: InfoRequest, record: RequestRecord) -> InfoResponse:
        """Refuse what need not be asked, find out who asks, and let the dialect word the answer."""
        if access.method not in _READING:
            return self._refuse(Refusal(RefusalCode.METHOD_NOT_ALLOWED, "method"), access, ask, record)
        limit = self._policy.rate_limit
        if limit is not None and limit.per is LimitBy.ADDRESS:
            refused = await self._limited(bucket_of_address(access.client), limit, access, ask, record)
            if refused is not None:
                return refused
        identified = await self._gate.identify(access, self._policy.readers)
        resolution = identified.resolution
        record.decision = _decision(access, identified)
        record.decided = self._now()
        if limit is not None and limit.per is not LimitBy.ADDRESS and resolution.session is not None:
            # Keys have a bucket of their own, where keys are counted.
            caller = bucket_of_caller(resolution.session, limit)
            refused = await self._limited(caller, limit, access, ask, record)
            if refused is not None:
                return refused
        reply = await self._reply(identified, ask)
        return _aged(reply, resolution.age) if resolution.stale else reply

    async def _reply(self, identified: Identified, ask: InfoRequest) -> InfoResponse:
        """Answer with the caller's session, or with the other one of theirs that was asked for."""
        credential = identified.credential
        authority = identified.resolution.authority
        malformed = credential is not None and UNREADABLE in credential.parts
        ask = msgspec.structs.replace(ask, credential=credential, malformed=malformed, authority=authority)
        reply = self._dialect.reply(identified.resolution.answer, ask)
        if isinstance(reply, SessionWanted) and credential is not None:
            verdict: Verdict = await self._session_of(credential, reply.session_id, authority)
            ask = msgspec.structs.replace(ask, session_id=reply.session_id)
            reply = self._dialect.reply(verdict, ask)
        if isinstance(reply, SessionWanted):
            raise TypeError("a dialect asks for another session once, and only of a caller who is known")
        return reply

    async def _limited(
        self, caller: str, limit: RateLimit, access: AccessRequest, ask: InfoRequest, record: RequestRecord
    ) -> InfoResponse | None:
        """Take a token of the caller's bucket; refuse when there is none."""
        taken = await self._limits.take(f"session_info.{self.name}\0{caller}", limit)
        if taken.wait is None:
            return None
        standing = taken.standing
        resets_at = ask.now + timedelta(seconds=standing.full_after)
        ask = msgspec.structs.replace(ask, quota=Quota(standing.burst, standing.remaining, resets_at))
        return self._refuse(
            Refusal(RefusalCode.RATE_LIMITED, f"per {limit.per}", None, taken.wait), access, ask, record
        )

    def _refuse(self, refusal: Refusal, access: AccessRequest, ask: InfoRequest, record: RequestRecord) -> InfoResponse:
        """Write down why, beside what was found out before, and let the dialect word it."""
        judged = record.decision or Decision(access=access)
        record.decision = msgspec.structs.replace(judged, refusal=refusal, rule=refusal.code.value)
        return self._dialect.refuse(refusal, ask)

    def _options(self, access: AccessRequest) -> Response:
        """Say what may be asked (RFC 9110 section 9.3.7), and to whose pages."""
        cors = self._policy.cors
        told = cors.preflight(access, b"GET, HEAD") if cors is not None else ()
        return Response(204, (_ALLOW, (b"Cache-Control", b"no-store"), *told))

    def _response(self, reply: InfoResponse, access: AccessRequest) -> Response:
        fields = _FIELDS + reply.headers
        if reply.status == _METHOD_NOT_ALLOWED:
            fields += (_ALLOW,)
        if self._policy.cors is not None:
            fields += self._policy.cors.fields(access)
        return Response(reply.status, fields, reply.body)


def _aged(reply: InfoResponse, age: float) -> InfoResponse:
    """Tell how old an answer is that stands in for an authority which cannot be asked (RFC 9111 section 5.1)."""
    return msgspec.structs.replace(reply, headers=(*reply.headers, (b"Age", b"%d" % age)))


def _decision(access: AccessRequest, identified: Identified) -> Decision:
    """Return what is written down of this answer: who asked, or why they were not told."""
    answer = identified.resolution.answer
    return Decision(
        access=access,
        credential=identified.credential,
        resolution=identified.resolution,
        refusal=None if isinstance(answer, Found) else refusal_of(answer),
        rule="credential",
    )
