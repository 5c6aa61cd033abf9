"""`POST /revoke` on the admin port: revokes a session, user, API key or organization everywhere."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from gateway.endpoints.refusals import refusal_response
from gateway.http1.downstream import DownstreamRequest
from gateway.http1.faults import ExchangeError
from gateway.model.decision import Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog, AuditOutcome

RevokeEverywhere = Callable[[RevocationTarget], Awaitable[bool]]
"""Revokes; false when Redis or a directory could not be reached, so that it has to be repeated."""

_KINDS = (RevocationKind.SESSION, RevocationKind.USER, RevocationKind.API_KEY, RevocationKind.ORGANIZATION)
_LONGEST_ID = 256
_BODY_BYTES = 4096  # one key and one id, with room to spare
_BODY_SECONDS = 10.0  # an operator's request comes at once
_BEARER = b"bearer "


class _RefusedError(Exception):
    """A call is refused; the refusal's detail goes into the audit log."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class RevokeEndpoint:
    """Answers 200 once every replica and directory knows, and 503 where one could not be reached: then repeat the call.

    The call needs one of the bearer `tokens` (RFC 6750; several while they rotate): without one it is 401, with a wrong
    one 403, and 403 where none is configured. The body is `{"session"|"user"|"api_key"|"organization": ID}`, exactly
    one of them, else 400. It is read only after the token was found right, and for at most `body_seconds`. Each call
    leaves an audit line.
    """

    def __init__(
        self, tokens: Sequence[str], revoke: RevokeEverywhere, audit: AuditLog, *, body_seconds: float = _BODY_SECONDS
    ) -> None:
        self._tokens = tuple(token.encode("utf-8") for token in tokens if token)
        self._revoke = revoke
        self._audit = audit
        self._body_seconds = body_seconds

    async def answer(self, request: DownstreamRequest, request_id: str) -> Response:
        """Answer one call."""
        actor = Actor("admin_port", request.connection.peer, request_id)
        try:
            self._require_token(request)
            target = _decode_target(await self._body(request))
        except _RefusedError as refused:
            self._audit.refused(actor, refused.refusal.detail)
            return refusal_response(refused.refusal, request_id)
        return await self._revoke_target(target, actor)

    async def _revoke_target(self, target: RevocationTarget, actor: Actor) -> Response:
        outcome = AuditOutcome.FAILED
        try:
            outcome = AuditOutcome.DONE if await self._revoke(target) else AuditOutcome.PARTLY
        finally:
            self._audit.revoked(actor, target, outcome)
        if outcome is AuditOutcome.PARTLY:
            detail = "not every replica and directory could be reached"
            refusal = Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=1)
            return refusal_response(refusal, actor.request_id)
        body = msgspec.json.encode({"revoked": {target.kind.value: target.id}})
        return Response(200, json_fields(), body)

    def _require_token(self, request: DownstreamRequest) -> None:
        """Compare in constant time: an early exit would show how much of a guess is right."""
        values = request.head.block.headers.all(b"authorization")
        if not values:
            raise _RefusedError(Refusal(RefusalCode.UNAUTHENTICATED, "no admin token was sent"))
        if not self._tokens:
            raise _RefusedError(Refusal(RefusalCode.FORBIDDEN, "no admin token is configured"))
        scheme, token = values[0][: len(_BEARER)].lower(), values[0][len(_BEARER) :].strip()
        is_right = any(hmac.compare_digest(token, each) for each in self._tokens)
        if len(values) > 1 or scheme != _BEARER or not is_right:
            raise _RefusedError(Refusal(RefusalCode.FORBIDDEN, "a wrong admin token was sent"))

    async def _body(self, request: DownstreamRequest) -> bytes:
        if request.body is None:
            return b""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await request.body.read(_BODY_BYTES)
        except ExchangeError as error:
            raise _RefusedError(error.refusal) from None
        except TimeoutError:
            raise _RefusedError(Refusal(RefusalCode.TIMEOUT, "the body did not arrive in time")) from None


def _decode_target(body: bytes) -> RevocationTarget:
    try:
        # As pairs: of a repeated key every other form silently drops one.
        pairs = json.loads(body, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise _malformed("the body is not JSON") from None
    if not isinstance(pairs, tuple) or not all(isinstance(id_, str) for _, id_ in pairs):
        raise _malformed("the body is not a JSON object of strings")
    if len(pairs) != 1:
        raise _malformed("the body does not name exactly one thing to revoke")
    [(kind, id_)] = pairs
    if kind not in _KINDS:
        raise _malformed("the body names nothing that can be revoked")
    if not 0 < len(id_) <= _LONGEST_ID:
        raise _malformed("the id is empty or too long")
    if not id_.isprintable():
        raise _malformed("the id holds a control character")  # no id has one, and PostgreSQL takes no NUL
    return RevocationTarget(RevocationKind(kind), id_)


def _malformed(detail: str) -> _RefusedError:
    return _RefusedError(Refusal(RefusalCode.MALFORMED, detail))
