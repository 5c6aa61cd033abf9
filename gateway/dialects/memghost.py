"""memghost: `GET /auth/session` and `/api/v1/auth/session` (DIALECTS; seed 003)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, RemoteRequest, RemoteResponse
from gateway.dialects.json_responses import json_reply, retry_later
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wire_times import NonEmptyText, WireInstant, utc
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.refusal import Refusal
from gateway.model.session import Session, User


class MemghostSettings(EndpointSettings):
    """memghost's session-info endpoint."""

    dialect: Literal["memghost"]


class MemghostSession(msgspec.Struct):
    """A success: exactly these six, in the document's order. `expires_at` is the access token's."""

    session_id: NonEmptyText
    user_id: NonEmptyText
    expires_at: WireInstant
    created_at: WireInstant
    last_activity_at: WireInstant
    state: NonEmptyText


class MemghostError(msgspec.Struct, omit_defaults=True):
    """Every failure. `details` is there when there is something to say."""

    error: Literal[
        "validation_error",
        "not_found",
        "version_conflict",
        "internal_error",
        "invalid_request",
        "unauthorized",
        "rate_limit_exceeded",
    ]
    message: str
    details: dict[str, Any] | None = None


_NOBODY = MemghostError("unauthorized", "Authentication required")
_BAD_TOKEN = MemghostError("unauthorized", "Invalid or expired token")
_NO_SESSION = MemghostError("not_found", "Session not found")
_FAULT = MemghostError("internal_error", "An internal error occurred")
_CANNOT_TELL = MemghostError("internal_error", "The service is temporarily unavailable")
_TOO_MANY = MemghostError("rate_limit_exceeded", "Too many requests")
_WRONG_METHOD = MemghostError("invalid_request", "Method not allowed")

_FAILURES = {401: _BAD_TOKEN, 404: _NO_SESSION, 405: _WRONG_METHOD, 429: _TOO_MANY, 500: _FAULT, 503: _CANNOT_TELL}


class Memghost:
    """memghost's words, both ways. The product and its document agree, so that a profile changes nothing."""

    name = "memghost"
    paths: tuple[str, ...] = ("/auth/session", "/api/v1/auth/session")
    parameters: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._hearing = AnswerDecoder(MemghostSession, MemghostError, {404: Reason.GONE})

    def reply(self, verdict: Verdict | None, ask: InfoRequest) -> InfoResponse:
        """Answer with the six facts of the token's session, or say why not."""
        match verdict:
            case Found(session):
                if session.id is None or session.user is None:  # a credential that is good and opens no session
                    return json_reply(404, _NO_SESSION)
                return json_reply(200, _said(verdict, session.id, session.user, ask))
            case Unavailable(retry_after=seconds):
                return json_reply(503, _CANNOT_TELL, retry_later(seconds))
            case Rejected(Reason.GONE):
                return json_reply(404, _NO_SESSION)
            case Rejected():
                return json_reply(401, _BAD_TOKEN)
            case None:
                return json_reply(401, _NOBODY)

    def refuse(self, refusal: Refusal, ask: InfoRequest) -> InfoResponse:
        """Answer what was refused before anybody was asked."""
        del ask
        status = refusal.status if refusal.status in _FAILURES else 500
        headers = retry_later(refusal.retry_after) if status in {429, 503} else ()
        return json_reply(status, _FAILURES[status], headers)

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        del path
        return {200: Documented(MemghostSession, "Session information")} | {
            status: Documented(MemghostError, error.message) for status, error in _FAILURES.items()
        }

    def question(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the token as it was shown."""
        if credential.kind is not CredentialKind.BEARER or session_id:
            return None
        return RemoteRequest((("Authorization", f"Bearer {credential.parts[0]}"),))

    def decode(
        self, heard: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the token's session, with the token's own expiry. A state other than `active` is the caller's end."""
        del credential, session_id
        return self._hearing.hear(heard, _found)


def _said(found: Found, session_id: str, user: User, ask: InfoRequest) -> MemghostSession:
    session = found.session
    # What the document requires and another kind of authority may not know is answered with what is certain now: the
    # session exists, it is in use, and nobody has promised that it lasts.
    return MemghostSession(
        session_id=session_id,
        user_id=user.id,
        expires_at=utc(found.expires_at or session.expires_at or ask.now),
        created_at=utc(session.created_at or found.issued_at or ask.now),
        last_activity_at=utc(session.last_activity_at or ask.now),
        state=session.state,
    )


def _found(said: MemghostSession) -> Found:
    session = Session(
        subject=said.user_id,
        id=said.session_id,
        state=said.state,
        user=User(id=said.user_id),
        created_at=utc(said.created_at),
        last_activity_at=utc(said.last_activity_at),
    )
    return Found(session, expires_at=utc(said.expires_at))
