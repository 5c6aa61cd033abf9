"""`POST /revoke` on the admin port: revokes a session, user, API key or organization everywhere."""

from __future__ import annotations

import json

import msgspec
from aiohttp import web

from gateway.admin.admin_call import call_of
from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.call_body import BODY_SECONDS, read_body
from gateway.admin.own_operations import EndEverywhere
from gateway.admin.web_answers import CallRefusedError, to_web
from gateway.model.decision import Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog, AuditOutcome

_KINDS = (RevocationKind.SESSION, RevocationKind.USER, RevocationKind.API_KEY, RevocationKind.ORGANIZATION)
_LONGEST_ID = 256
_BODY_BYTES = 4096  # one key and one id, with room to spare


class RevokeEndpoint:
    """Answers 200 once every replica and directory knows, and 503 where one could not be reached: then repeat the call.

    The call needs one of the `tokens`: without one it is 401, with a wrong one 403, and 403 where none is configured.
    The body is `{"session"|"user"|"api_key"|"organization": ID}`, exactly one of them, else 400. It is read only after
    the token was found right, and for at most `body_seconds`. Each call leaves an audit line.
    """

    def __init__(
        self, tokens: AdminTokens, end: EndEverywhere, audit: AuditLog, *, body_seconds: float = BODY_SECONDS
    ) -> None:
        self._tokens = tokens
        self._end = end
        self._audit = audit
        self._body_seconds = body_seconds

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one call; raises CallRefusedError, which is in the audit log already."""
        actor = call_of(request).actor
        try:
            self._tokens.require(request.headers.getall("Authorization", ()))
            actor = msgspec.structs.replace(actor, credential="admin_token")
            target = _decode_target(await read_body(request, _BODY_BYTES, self._body_seconds))
        except CallRefusedError as refused:
            self._audit.refused(actor, refused.refusal.detail)
            raise
        return await self._revoke_target(target, actor)

    async def _revoke_target(self, target: RevocationTarget, actor: Actor) -> web.Response:
        outcome = AuditOutcome.FAILED
        try:
            outcome = AuditOutcome.DONE if await self._end(target, actor) else AuditOutcome.PARTLY
        finally:
            self._audit.revoked(actor, target, outcome)
        if outcome is AuditOutcome.PARTLY:
            detail = "not every replica and directory could be reached"
            raise CallRefusedError(Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=1))
        body = msgspec.json.encode({"revoked": {target.kind.value: target.id}})
        return to_web(Response(200, json_fields(), body))


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


def _malformed(detail: str) -> CallRefusedError:
    return CallRefusedError(Refusal(RefusalCode.MALFORMED, detail))
