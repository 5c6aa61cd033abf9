"""`POST /revoke` on the admin port: ends a session, user, API key or organization everywhere."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from gateway.endpoints.admin import Page
from gateway.endpoints.refusals import refusal_response
from gateway.http1.faults import ExchangeError
from gateway.model.decision import Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog, AuditOutcome
from gateway.upstream.client_request import DownstreamRequest

RevokeEverywhere = Callable[[RevocationTarget], Awaitable[bool]]
"""Ends it; false when somebody could not be told (Redis, or a directory, is gone), so that it has to be asked again."""

_KINDS = (RevocationKind.SESSION, RevocationKind.USER, RevocationKind.API_KEY, RevocationKind.ORGANIZATION)
_LONGEST_ID = 256
_BODY_BYTES = 4096  # one key and one id, with room to spare
_BODY_SECONDS = 10.0
_BEARER = b"bearer "


class _RefusedError(Exception):
    """An administrative call is turned away; the refusal's detail goes into the audit log."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class RevokeEndpoint:
    """Answers 200 once every replica and directory has been told, and 503 where that could not be done: then ask again.

    The call shows one of the bearer `tokens` (RFC 6750), which are several while they rotate: none is 401, a wrong one
    403, and without a configured one everybody is 403. The body is `{"session"|"user"|"api_key"|"organization": ID}`,
    exactly one of them, else 400; nothing of it is read before the token was seen to be right, and not for longer than
    `body_seconds`. Each call leaves an audit line.
    """

    def __init__(
        self, tokens: Sequence[str], revoke: RevokeEverywhere, audit: AuditLog, *, body_seconds: float = _BODY_SECONDS
    ) -> None:
        self._tokens = tuple(token.encode("utf-8") for token in tokens if token)
        self._revoke = revoke
        self._audit = audit
        self._body_seconds = body_seconds

    @property
    def page(self) -> Page:
        """The page for the admin port's table."""
        return Page("POST", self.answer)

    async def answer(self, request: DownstreamRequest, request_id: str) -> Response:
        """Answer one call."""
        actor = Actor("admin_port", request.connection.peer, request_id)
        try:
            self._require_token(request)
            ended = _decoded(await self._body(request))
        except _RefusedError as refused:
            self._audit.refused(actor, refused.refusal.detail)
            return refusal_response(refused.refusal, request_id)
        return await self._end(ended, actor)

    async def _end(self, ended: RevocationTarget, actor: Actor) -> Response:
        outcome = AuditOutcome.FAILED
        try:
            outcome = AuditOutcome.DONE if await self._revoke(ended) else AuditOutcome.PARTLY
        finally:
            self._audit.revoked(actor, ended, outcome)
        if outcome is AuditOutcome.PARTLY:
            refusal = Refusal(RefusalCode.UNAVAILABLE, "not every replica and directory could be told", retry_after=1)
            return refusal_response(refusal, actor.request_id)
        body = msgspec.json.encode({"revoked": {ended.kind.value: ended.id}})
        return Response(200, json_fields(), body)

    def _require_token(self, request: DownstreamRequest) -> None:
        """Compare in constant time: an early exit would tell a guesser how much of a guess was right."""
        shown = [value for name, value in request.fields if name.lower() == b"authorization"]
        if not shown:
            raise _RefusedError(Refusal(RefusalCode.UNAUTHENTICATED, "no admin token was shown"))
        if not self._tokens:
            raise _RefusedError(Refusal(RefusalCode.FORBIDDEN, "no admin token is configured"))
        scheme, token = shown[0][: len(_BEARER)].lower(), shown[0][len(_BEARER) :].strip()
        is_right = any(hmac.compare_digest(token, each) for each in self._tokens)
        if len(shown) > 1 or scheme != _BEARER or not is_right:
            raise _RefusedError(Refusal(RefusalCode.FORBIDDEN, "a wrong admin token was shown"))

    async def _body(self, request: DownstreamRequest) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > _BODY_BYTES:
                        raise _RefusedError(Refusal(RefusalCode.TOO_LARGE, "the body is too large"))
        except ExchangeError as error:
            raise _RefusedError(error.refusal) from None
        except TimeoutError:
            raise _RefusedError(Refusal(RefusalCode.TIMEOUT, "the body did not arrive in time")) from None
        return bytes(body)


def _decoded(body: bytes) -> RevocationTarget:
    try:
        # As pairs: of a key that stands there twice every other reading keeps one and drops the other without a word.
        named = json.loads(body, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise _malformed("the body is not JSON") from None
    if not isinstance(named, tuple) or not all(isinstance(id_, str) for _, id_ in named):
        raise _malformed("the body is not a JSON object of strings")
    if len(named) != 1:
        raise _malformed("the body does not name exactly one thing to end")
    [(kind, id_)] = named
    if kind not in _KINDS:
        raise _malformed("the body names no kind of thing that can be ended")
    if not 0 < len(id_) <= _LONGEST_ID:
        raise _malformed("the id is empty or too long")
    return RevocationTarget(RevocationKind(kind), id_)


def _malformed(detail: str) -> _RefusedError:
    return _RefusedError(Refusal(RefusalCode.MALFORMED, detail))
