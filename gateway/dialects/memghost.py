"""memghost's dialect: `GET /auth/session` and `/api/v1/auth/session`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    bearer_request,
    json_response,
    retry_after_header,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wire_times import NonEmptyText, WireInstant, utc
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.refusal import Refusal
from gateway.model.session import Session, User

MemghostActionName = Literal["logout", "refresh"]
"""What people may do besides, each beneath `/auth/` and `/api/v1/auth/`."""


class MemghostSettings(EndpointSettings):
    """memghost's session-info endpoint."""

    dialect: Literal["memghost"]
    actions: tuple[MemghostActionName, ...] = ()


class MemghostSession(msgspec.Struct):
    """A success: exactly these six fields, in the document's order. `expires_at` is the access token's."""

    session_id: NonEmptyText
    user_id: NonEmptyText
    expires_at: WireInstant
    created_at: WireInstant
    last_activity_at: WireInstant
    state: NonEmptyText


class MemghostError(msgspec.Struct, omit_defaults=True):
    """Every failure. `details` is absent when there is none."""

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
BAD_TOKEN = MemghostError("unauthorized", "Invalid or expired token")
_NO_SESSION = MemghostError("not_found", "Session not found")
_FAULT = MemghostError("internal_error", "An internal error occurred")
_CANNOT_TELL = MemghostError("internal_error", "The service is temporarily unavailable")
_TOO_MANY = MemghostError("rate_limit_exceeded", "Too many requests")
_WRONG_METHOD = MemghostError("invalid_request", "Method not allowed")

_FAILURES = {401: BAD_TOKEN, 404: _NO_SESSION, 405: _WRONG_METHOD, 429: _TOO_MANY, 500: _FAULT, 503: _CANNOT_TELL}


class Memghost(Dialect):
    """memghost's dialect, both ways. The product and its document agree, so a profile changes nothing."""

    name = "memghost"
    paths: tuple[str, ...] = ("/auth/session", "/api/v1/auth/session")
    parameters: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._decoder = AnswerDecoder(MemghostSession, MemghostError, {404: Reason.GONE})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the six fields of the token's session, or say why not."""
        match verdict:
            case Found(session):
                if session.id is None or session.user is None:  # a credential that is good and opens no session
                    return json_response(404, _NO_SESSION)
                return json_response(200, _document(verdict, session.id, session.user, info_request))
            case Unavailable(retry_after=seconds):
                return json_response(503, _CANNOT_TELL, retry_after_header(seconds))
            case Rejected(Reason.GONE):
                return json_response(404, _NO_SESSION)
            case Rejected():
                return json_response(401, BAD_TOKEN)
            case None:
                return json_response(401, _NOBODY)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        status = refusal.status if refusal.status in _FAILURES else 500
        headers = waiting_header(status, refusal.retry_after)
        return json_response(status, _FAILURES[status], headers)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        return {200: Documented(MemghostSession, "Session information")} | {
            status: Documented(MemghostError, error.message) for status, error in _FAILURES.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the token in `Authorization`."""
        if credential.kind is not CredentialKind.BEARER or session_id:
            return None
        return bearer_request(credential)

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the token's session, with the token's own expiry; the caller rejects a state other than `active`."""
        return self._decoder.decode(response, _found)


def _document(found: Found, session_id: str, user: User, info_request: InfoRequest) -> MemghostSession:
    session = found.session
    # where another kind of authority does not know an instant that the document requires, now is certain: the session
    # exists, it is in use, and nothing says that it lasts
    return MemghostSession(
        session_id=session_id,
        user_id=user.id,
        expires_at=utc(found.expires_at or session.expires_at or info_request.now),
        created_at=utc(session.created_at or found.issued_at or info_request.now),
        last_activity_at=utc(session.last_activity_at or info_request.now),
        state=session.state,
    )


def _found(document: MemghostSession) -> Found:
    session = Session(
        subject=document.user_id,
        id=document.session_id,
        state=document.state,
        user=User(id=document.user_id),
        created_at=utc(document.created_at),
        last_activity_at=utc(document.last_activity_at),
    )
    return Found(session, expires_at=utc(document.expires_at))


KIND = DialectKind(
    "memghost",
    ServerFactory(MemghostSettings, lambda _settings, _issue: Memghost()),
    ClientFactory(lambda _settings: Memghost()),
)
