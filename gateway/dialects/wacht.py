"""wacht's dialect: `GET /session`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from uuid import uuid4

from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    Renew,
    cookie_request,
    json_response,
    retry_after_header,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, CookieIssue, DialectKind, ServerFactory
from gateway.dialects.settings import EndpointSettings, Profile
from gateway.dialects.wacht_wire import (
    WachtAnswer,
    WachtError,
    WachtRefusal,
    WachtRemoteAnswer,
    anonymous_answer,
    answer,
    session_of_answer,
)
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind, anonymous_cookie
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal

COOKIE = "__session"
"""The product's cookie, and the one that a remote authority is sent."""

_FAILURES = {
    401: WachtError("UNAUTHORIZED", "Unauthorized"),
    404: WachtError("NOT_FOUND", "Session not found"),
    405: WachtError("METHOD_NOT_ALLOWED", "Method not allowed"),
    429: WachtError("RATE_LIMITED", "Too many requests"),
    500: WachtError("INTERNAL", "Internal server error"),
    503: WachtError("INTERNAL", "Service unavailable"),
}


WachtActionName = Literal["sign-out", "switch-sign-in", "switch-organization", "switch-workspace", "token"]
"""What people may do besides, each beneath `/session/`."""


class WachtSettings(EndpointSettings):
    """wacht's session-info endpoint.

    `development` also reads `__dev_session__` in the query instead of the cookie. A token in a URL ends up in histories
    and logs, so it is for developers' machines alone.
    """

    dialect: Literal["wacht"]
    actions: tuple[WachtActionName, ...] = ()
    development: bool = False


class Wacht(Dialect):
    """wacht's dialect, both ways.

    Under the product's profile a caller without a good token gets an anonymous session and its token; nothing is
    stored for it. `renew` signs new values of `cookie`; without it none is renewed. In `development` a token goes back
    in `X-Development-Session`, else in the cookie. `new_id` makes the ids of anonymous sessions.
    """

    name = "wacht"
    paths: tuple[str, ...] = ("/session", "/session/")
    parameters: tuple[str, ...] = ()

    def __init__(
        self,
        profile: Profile = Profile.DOCUMENTED,
        renew: Renew | None = None,
        *,
        cookie: str = COOKIE,
        development: bool = False,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._as_product = profile is Profile.PRODUCT
        self._renew = renew
        self._cookie = cookie
        self._development = development
        self._new_id = new_id
        self._decoder = AnswerDecoder(WachtRemoteAnswer, WachtRefusal, {404: Reason.GONE})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the session, renewing its token when that is due, or say why not."""
        match verdict:
            case Found(session):
                body = answer(session, None if self._as_product else [])
                return json_response(200, body, self._renewed(verdict, info_request))
            case Unavailable(retry_after=seconds):
                return _failure(503, retry_after_header(seconds))
            case Rejected(Reason.GONE):
                return _failure(404)
            case Rejected(Reason.AMBIGUOUS):  # a third cookie would not help
                return _failure(401)
            case _:
                return self._anonymous(info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        status = refusal.status if refusal.status in _FAILURES else 500
        return _failure(status, waiting_header(status, refusal.retry_after))

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        return {200: Documented(WachtAnswer, "The session")} | {
            status: Documented(WachtRefusal, error.message) for status, error in _FAILURES.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the cookie under the product's own name, and no other cookie of the caller's."""
        if credential.kind is not CredentialKind.COOKIE or session_id:
            return None
        return cookie_request(credential, COOKIE)

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session; one that nobody is signed in to is the product's way to say *unknown*."""
        return self._decoder.decode(response, _found)

    def _anonymous(self, info_request: InfoRequest) -> InfoResponse:
        if not self._as_product:
            return _failure(401)
        session_id = self._new_id()
        token = anonymous_cookie(session_id)
        return json_response(200, anonymous_answer(session_id, info_request.now), self._token_field(token))

    def _renewed(self, found: Found, info_request: InfoRequest) -> HeaderPairs:
        if (
            self._renew is None
            or info_request.credential is None
            or info_request.credential.kind is not CredentialKind.COOKIE
        ):
            return ()
        token = self._renew(found, info_request.authority)
        return () if token is None else self._token_field(token)

    def _token_field(self, token: str) -> HeaderPairs:
        if self._development:
            return (development_session(token),)
        return (session_cookie(self._cookie, token),)


def session_cookie(name: str, token: str, domain: str = "") -> tuple[bytes, bytes]:
    """Return the field that sets a session cookie (RFC 6265 section 4.1).

    Scripts cannot read it, it is sent over TLS alone, and not with the posts of foreign pages. It has no Max-Age: the
    token itself says when it expires, and a browser's clock may be wrong. With a `domain` its hosts share it.
    """
    shared = f"; Domain={domain}" if domain else ""
    return b"Set-Cookie", f"{name}={token}; Path=/{shared}; HttpOnly; Secure; SameSite=Lax".encode("ascii")


def development_session(token: str) -> tuple[bytes, bytes]:
    """Return the field that returns a token to a page under development."""
    return b"X-Development-Session", token.encode("ascii")


def _failure(status: int, headers: HeaderPairs = ()) -> InfoResponse:
    error = _FAILURES[status]
    return json_response(status, WachtRefusal(status, error.message, None, None, [error]), headers)


def _found(remote_answer: WachtRemoteAnswer) -> Found | Rejected:
    session = session_of_answer(remote_answer)
    return Rejected(Reason.UNKNOWN) if session is None else Found(session)


def _serve(settings: WachtSettings, issue: CookieIssue) -> Wacht:
    return Wacht(settings.profile, issue.renew, cookie=issue.cookie or COOKIE, development=settings.development)


KIND = DialectKind("wacht", ServerFactory(WachtSettings, _serve), ClientFactory(lambda _settings: Wacht()))
