"""oauth2-proxy's dialect: `GET /oauth2/userinfo`, and `GET /oauth2/auth` for another proxy's `auth_request`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

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
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import HeaderPairs
from gateway.model.person import person_of
from gateway.model.refusal import Refusal
from gateway.model.session import Session, User
from gateway.source.names import CookieName

_COOKIE = "_oauth2_proxy"
_USERINFO, _AUTH = "/oauth2/userinfo", "/oauth2/auth"
_TEXT = "text/plain"
_MAX_PARAMETERS = 64
"""Query parameters of `/oauth2/auth` that are read; more admit nobody."""

_TEXTS = {
    401: b"Unauthorized\n",
    403: b"Forbidden\n",
    405: b"Method Not Allowed\n",
    429: b"Too Many Requests\n",
    500: b"Internal Server Error\n",
    503: b"Service Unavailable\n",
}


class OAuth2ProxyUser(msgspec.Struct, rename="camel"):
    """A success of `/oauth2/userinfo`; what is empty is absent, but for the first two."""

    user: str
    email: str
    groups: list[str] | UnsetType | None = UNSET
    preferred_username: str | UnsetType = UNSET


class OAuth2ProxySettings(EndpointSettings):
    """oauth2-proxy's two endpoints."""

    dialect: Literal["oauth2_proxy"]


class OAuth2ProxyKeys(SpokenSettings):
    """The name of the cookie that this oauth2-proxy reads (its `--cookie-name`)."""

    cookie: CookieName = _COOKIE


class OAuth2Proxy(Dialect):
    """oauth2-proxy's dialect, both ways. The product and its document agree, so a profile changes nothing."""

    name = "oauth2_proxy"
    paths: tuple[str, ...] = (_USERINFO, _AUTH)
    parameters: tuple[str, ...] = ()

    def __init__(self, *, cookie: str = _COOKIE) -> None:
        self._cookie = cookie
        self._decoder = AnswerDecoder(OAuth2ProxyUser, OAuth2ProxyUser, {})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the user's JSON, or at `/oauth2/auth` with 202 and what a proxy may tell its upstream."""
        match verdict:
            case Found(session):
                user = _user(session, info_request)
                if info_request.path == _USERINFO:
                    return json_response(200, user)
                if not _allowed(user, info_request.query):
                    return _failure(403)
                return InfoResponse(202, b"", _fields(user), _TEXT.encode("ascii"))
            case Unavailable(retry_after=seconds):
                return _failure(503, seconds)
            case Rejected(Reason.FORBIDDEN):
                return _failure(403)
            case _:
                return _failure(401)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return _failure(refusal.status if refusal.status in _TEXTS else 500, refusal.retry_after)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure is plain text."""
        success = {200: Documented(OAuth2ProxyUser, "The user")}
        if path == _AUTH:
            success = {202: Documented(None, "Somebody who is allowed")}
        return success | {status: Documented(str, text.decode().strip(), _TEXT) for status, text in _TEXTS.items()}

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the cookie under the product's own name, or a bearer token (read with `--skip-jwt-bearer-tokens`)."""
        if session_id:
            return None
        if credential.kind is CredentialKind.COOKIE:
            return cookie_request(credential, self._cookie)
        if credential.kind is CredentialKind.BEARER:
            return bearer_request(credential)
        return None

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the user of `/oauth2/userinfo`; the product has no id of the session."""
        return self._decoder.decode(response, _found)


def _user(session: Session, info_request: InfoRequest) -> OAuth2ProxyUser:
    kind = CredentialKind.COOKIE if info_request.credential is None else info_request.credential.kind
    person = person_of(session, kind)
    username = None if session.user is None else session.user.username
    return OAuth2ProxyUser(
        person.id or session.subject,
        person.email or "",
        list(session.roles) or UNSET,
        username or person.name or UNSET,
    )


def _found(document: OAuth2ProxyUser) -> Found:
    """Return the user; raises msgspec.ValidationError for nobody: a path that is open to all is answered with `{}`."""
    subject = document.user or document.email  # some of its providers name an address alone
    if not subject:
        raise msgspec.ValidationError("the answer names nobody")
    groups = () if isinstance(document.groups, UnsetType) else document.groups or ()
    username = None if isinstance(document.preferred_username, UnsetType) else document.preferred_username or None
    user = User(id=subject, email=document.email or None, name=username, username=username)
    return Found(Session(subject=subject, user=user, roles=tuple(groups)))


def _allowed(user: OAuth2ProxyUser, query: str | None) -> bool:
    """Tell whether the user meets the query's `allowed_groups`, `_emails` and `_email_domains`, as the product does."""
    try:
        pairs = parse_qsl(query or "", max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return False
    groups = set(_entries(pairs, "allowed_groups"))
    emails = set(_entries(pairs, "allowed_emails"))
    domains = set(_entries(pairs, "allowed_email_domains"))
    members = user.groups if isinstance(user.groups, list) else []
    return (
        (not groups or not groups.isdisjoint(members))
        and (not emails or user.email in emails)
        and (not domains or any(_is_of(user.email, domain) for domain in domains))
    )


def _entries(pairs: list[tuple[str, str]], name: str) -> list[str]:
    return [entry for key, value in pairs if key == name for entry in value.split(",") if entry]


def _is_of(email: str, allowed: str) -> bool:
    """Tell whether an address is of a domain; `.example.com` and `*.example.com` are those beneath it too."""
    local, at, domain = email.partition("@")
    if not (local and at and domain) or "@" in domain:
        return False
    bare = allowed.removeprefix("*").removeprefix(".")
    return bool(bare) and (domain == bare or (bare != allowed and domain.endswith(f".{bare}")))


def _fields(user: OAuth2ProxyUser) -> HeaderPairs:
    """Return the fields of `--set-xauthrequest`, and GAP-Auth, which the product always sends."""
    groups = user.groups if isinstance(user.groups, list) else []
    username = "" if isinstance(user.preferred_username, UnsetType) else user.preferred_username
    values = {
        b"GAP-Auth": user.email or user.user,
        b"X-Auth-Request-User": user.user,
        b"X-Auth-Request-Email": user.email,
        b"X-Auth-Request-Groups": ",".join(groups),
        b"X-Auth-Request-Preferred-Username": username,
    }
    return tuple((name, value.encode()) for name, value in values.items() if value and value.isprintable())


def _failure(status: int, retry_after: int | None = None) -> InfoResponse:
    headers = waiting_header(status, retry_after)
    fields = (*headers, (b"X-Content-Type-Options", b"nosniff"))
    return InfoResponse(status, _TEXTS[status], fields, f"{_TEXT}; charset=utf-8".encode("ascii"))


KIND = DialectKind(
    "oauth2_proxy",
    ServerFactory(OAuth2ProxySettings, lambda _settings, _issue: OAuth2Proxy()),
    ClientFactory(lambda settings: OAuth2Proxy(cookie=settings.cookie), OAuth2ProxyKeys),
)
