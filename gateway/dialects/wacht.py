"""wacht: `GET /session` (DIALECTS; seed 002)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from uuid import uuid4

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, RemoteRequest, RemoteResponse, Renew
from gateway.dialects.json_responses import json_reply, retry_later
from gateway.dialects.settings import EndpointSettings, Profile
from gateway.dialects.wacht_wire import (
    WachtAnswer,
    WachtError,
    WachtHeard,
    WachtRefusal,
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


class WachtSettings(EndpointSettings):
    """wacht's session-info endpoint.

    `development` lets `__dev_session__` in the query stand for the cookie; a token in a URL ends in histories and
    logs, so it is for deployments on developers' machines alone.
    """

    dialect: Literal["wacht"]
    development: bool = False


class Wacht:
    """wacht's words, both ways.

    Under the product's profile nobody is a session too: whoever shows no good token gets a fresh one that names
    nobody, and nothing is stored for it. `renew` signs the values of the `cookie`; without it none is renewed. In
    `development` a token goes back in `X-Development-Session`, else in the cookie. `new_id` names visitors.
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
        self._hearing = AnswerDecoder(WachtHeard, WachtRefusal, {404: Reason.GONE})

    def reply(self, verdict: Verdict | None, ask: InfoRequest) -> InfoResponse:
        """Answer with the session, renewing its token when that is due, or say why not."""
        match verdict:
            case Found(session):
                body = answer(session, None if self._as_product else [])
                return json_reply(200, body, self._renewed(verdict, ask))
            case Unavailable(retry_after=seconds):
                return _failure(503, retry_later(seconds))
            case Rejected(Reason.GONE):
                return _failure(404)
            case Rejected(Reason.AMBIGUOUS):  # a new cookie beside two others would not help
                return _failure(401)
            case _:
                return self._anonymous(ask)

    def refuse(self, refusal: Refusal, ask: InfoRequest) -> InfoResponse:
        """Answer what was refused before anybody was asked."""
        del ask
        status = refusal.status if refusal.status in _FAILURES else 500
        return _failure(status, retry_later(refusal.retry_after) if status in {429, 503} else ())

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        del path
        return {200: Documented(WachtAnswer, "The session")} | {
            status: Documented(WachtRefusal, error.message) for status, error in _FAILURES.items()
        }

    def question(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the cookie under the product's name for it, and no other cookie of the caller's."""
        if credential.kind is not CredentialKind.COOKIE or session_id:
            return None
        return RemoteRequest((("Cookie", f"{COOKIE}={credential.parts[0]}"),))

    def decode(
        self, heard: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session. One that nobody is signed in to is the product's way to say *unknown*."""
        del credential, session_id
        return self._hearing.hear(heard, _found)

    def _anonymous(self, ask: InfoRequest) -> InfoResponse:
        if not self._as_product:
            return _failure(401)
        session_id = self._new_id()
        token = anonymous_cookie(session_id)
        return json_reply(200, anonymous_answer(session_id, ask.now), self._handed_out(token))

    def _renewed(self, found: Found, ask: InfoRequest) -> HeaderPairs:
        if self._renew is None or ask.shown is None or ask.shown.kind is not CredentialKind.COOKIE:
            return ()
        token = self._renew(found, ask.authority)
        return () if token is None else self._handed_out(token)

    def _handed_out(self, token: str) -> HeaderPairs:
        if self._development:
            return (development_session(token),)
        return (session_cookie(self._cookie, token),)


def session_cookie(name: str, token: str) -> tuple[bytes, bytes]:
    """Return the field that sets a session cookie (RFC 6265 section 4.1).

    Out of reach of scripts, sent over TLS alone, and not with the posts of foreign pages. It has no Max-Age: when it
    ends is the token's to say, and a browser's clock may be wrong.
    """
    return b"Set-Cookie", f"{name}={token}; Path=/; HttpOnly; Secure; SameSite=Lax".encode("ascii")


def development_session(token: str) -> tuple[bytes, bytes]:
    """Return the field in which a token goes back to a page under development."""
    return b"X-Development-Session", token.encode("ascii")


def _failure(status: int, headers: HeaderPairs = ()) -> InfoResponse:
    error = _FAILURES[status]
    return json_reply(status, WachtRefusal(status, error.message, None, None, [error]), headers)


def _found(heard: WachtHeard) -> Found | Rejected:
    session = session_of_answer(heard)
    return Rejected(Reason.UNKNOWN) if session is None else Found(session)
