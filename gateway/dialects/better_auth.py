"""Better Auth's dialect: `GET /api/auth/get-session`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
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
    cookie_request,
    json_response,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory, SpokenSettings
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wire_times import Milliseconds, NonEmptyText, maybe_parse_instant, milliseconds
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.person import person_of
from gateway.model.refusal import Refusal
from gateway.model.session import Organization, Session, User
from gateway.source.names import CookieName

_COOKIE = "better-auth.session_token"
_SECURE = "__Secure-"


class BetterAuthSession(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """The session. `token` is its id where we answer: the token itself opens it, and scripts read this."""

    expires_at: Milliseconds
    token: str = ""
    created_at: Milliseconds | None = None
    updated_at: Milliseconds | None = None
    ip_address: str | UnsetType | None = UNSET
    user_agent: str | UnsetType | None = UNSET
    user_id: NonEmptyText
    id: NonEmptyText
    active_organization_id: str | None = None


class BetterAuthUser(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """The user; `role`, `banned` and `username` are those of the product's plugins."""

    name: str
    email: str
    email_verified: bool | UnsetType = UNSET
    image: str | None = None
    created_at: Milliseconds | None = None
    updated_at: Milliseconds | None = None
    id: NonEmptyText
    role: str | None = None
    banned: bool | None = None
    username: str | None = None


class BetterAuthAnswer(msgspec.Struct):
    """A success about somebody; nobody is `null`."""

    session: BetterAuthSession
    user: BetterAuthUser


class BetterAuthError(msgspec.Struct):
    """Every failure."""

    message: str
    code: str


class NotAllowed(msgspec.Struct):
    """Our own 403; the product's others (a foreign Origin) are not about the session."""

    code: Literal["FORBIDDEN"]


_FAILURES = {
    403: BetterAuthError("Forbidden", "FORBIDDEN"),
    405: BetterAuthError("Method not allowed", "METHOD_NOT_ALLOWED"),
    429: BetterAuthError("Too many requests. Please try again later.", "TOO_MANY_REQUESTS"),
    500: BetterAuthError("Failed to get session", "FAILED_TO_GET_SESSION"),
    503: BetterAuthError("Service unavailable", "SERVICE_UNAVAILABLE"),
}


class BetterAuthSettings(EndpointSettings):
    """Better Auth's session-info endpoint."""

    dialect: Literal["better_auth"]


class BetterAuthKeys(SpokenSettings):
    """The name of the session's cookie, without the `__Secure-` that it has over TLS."""

    cookie: CookieName = _COOKIE


class BetterAuth(Dialect):
    """Better Auth's dialect, both ways. The product and its document agree, so a profile changes nothing."""

    name = "better_auth"
    paths: tuple[str, ...] = ("/api/auth/get-session",)
    parameters: tuple[str, ...] = ()

    def __init__(self, *, cookie: str = _COOKIE) -> None:
        self._cookie = cookie.removeprefix(_SECURE)
        self._decoder = AnswerDecoder(BetterAuthAnswer, NotAllowed, {403: Reason.FORBIDDEN})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with session and user; nobody, for whatever reason, is `null`."""
        match verdict:
            case Found(session):
                if session.id is None or session.user is None:  # a credential that is good and opens no session
                    return json_response(200, None)
                return json_response(200, _answer(verdict, session.id, session.user, info_request))
            case Unavailable(retry_after=seconds):
                return _failure(503, seconds)
            case Rejected(Reason.FORBIDDEN):
                return _failure(403)
            case _:
                return json_response(200, None)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return _failure(refusal.status if refusal.status in _FAILURES else 500, refusal.retry_after)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        return {200: Documented(BetterAuthAnswer | None, "The session, or null")} | {
            status: Documented(BetterAuthError, error.message) for status, error in _FAILURES.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the cookie under both names that the product has for it, or a bearer token (its plugin reads it)."""
        if session_id:
            return None
        if credential.kind is CredentialKind.COOKIE:
            return cookie_request(credential, self._cookie, f"{_SECURE}{self._cookie}")
        if credential.kind is CredentialKind.BEARER:
            return bearer_request(credential)
        return None

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session without the token that opens it; `null` is nobody, and a banned user is forbidden."""
        return self._decoder.decode(response, _found)


def _failure(status: int, retry_after: int | None = None) -> InfoResponse:
    headers = waiting_header(status, retry_after)
    if status == 429:  # noqa: PLR2004 - the product's own clients read this one
        headers = (*headers, (b"X-Retry-After", headers[0][1]))
    return json_response(status, _FAILURES[status], headers)


def _answer(found: Found, session_id: str, user: User, info_request: InfoRequest) -> BetterAuthAnswer:
    session = found.session
    kind = CredentialKind.COOKIE if info_request.credential is None else info_request.credential.kind
    person = person_of(session, kind)
    # where nothing says how long a session lasts, now is certain: it is there, and may be asked about again
    expires_at = found.expires_at or session.expires_at or info_request.now
    created_at, updated_at = session.created_at or found.issued_at or info_request.now, session.updated_at
    return BetterAuthAnswer(
        BetterAuthSession(
            expires_at=milliseconds(expires_at),
            token=session_id,
            created_at=milliseconds(created_at),
            updated_at=milliseconds(updated_at or created_at),
            user_id=user.id,
            id=session_id,
            active_organization_id=None if session.organization is None else session.organization.id,
        ),
        BetterAuthUser(
            name=person.name or "",
            email=person.email or "",
            email_verified=bool(person.email_verified),
            image=user.image_url,
            created_at=milliseconds(user.created_at or created_at),
            updated_at=milliseconds(user.updated_at or user.created_at or created_at),
            id=user.id,
            role=",".join(session.roles) or None,
            username=user.username,
        ),
    )


def _found(document: BetterAuthAnswer) -> Found | Rejected:
    session, user = document.session, document.user
    if session.user_id != user.id:
        raise msgspec.ValidationError("the session is not of this user")
    if user.banned:
        return Rejected(Reason.FORBIDDEN, "the user is banned")
    return Found(
        Session(
            subject=user.id,
            id=session.id,
            user=User(
                id=user.id,
                email=user.email or None,
                email_verified=None if isinstance(user.email_verified, UnsetType) else user.email_verified,
                name=user.name or None,
                username=user.username,
                image_url=user.image,
                created_at=maybe_parse_instant(user.created_at),
                updated_at=maybe_parse_instant(user.updated_at),
            ),
            organization=Organization(id=session.active_organization_id) if session.active_organization_id else None,
            roles=tuple(role.strip() for role in (user.role or "").split(",") if role.strip()),
            created_at=maybe_parse_instant(session.created_at),
            updated_at=maybe_parse_instant(session.updated_at),
            expires_at=maybe_parse_instant(session.expires_at),
        )
    )


KIND = DialectKind(
    "better_auth",
    ServerFactory(BetterAuthSettings, lambda _settings, _issue: BetterAuth()),
    ClientFactory(lambda settings: BetterAuth(cookie=settings.cookie), BetterAuthKeys),
)
