"""Ory Kratos' dialect: `GET /sessions/whoami`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    cookie_request,
    json_response,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory, SpokenSettings
from gateway.dialects.kratos_wire import (
    KratosError,
    KratosFault,
    KratosSession,
    SecondFactorError,
    document_of,
    found_of,
)
from gateway.dialects.settings import EndpointSettings
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.person import person_of
from gateway.model.refusal import Refusal
from gateway.source.names import CookieName

_COOKIE = "ory_kratos_session"
_TOKENIZE = "tokenize_as"
_MAX_PARAMETERS = 32
"""Query parameters that are read; nobody sends so many."""

_FAULTS = {
    400: KratosFault(
        code=400, status="Bad Request", message="The request was malformed or contained invalid parameters"
    ),
    401: KratosFault(
        id="session_inactive",
        code=401,
        status="Unauthorized",
        reason="No valid session credentials found in the request.",
        message="The request could not be authorized",
    ),
    403: KratosFault(
        id="session_aal2_required",
        code=403,
        status="Forbidden",
        reason="An active session was found but it does not fulfill the requested Authenticator Assurance Level. "
        "Please verify yourself with a second factor to resolve this issue.",
        message="Session does not fulfill the requested Authenticator Assurance Level",
    ),
    405: KratosFault(code=405, status="Method Not Allowed", message="This method is not allowed here"),
    429: KratosFault(code=429, status="Too Many Requests", message="Too many requests"),
    500: KratosFault(
        code=500, status="Internal Server Error", message="An internal server error occurred, please contact the system"
    ),
    503: KratosFault(code=503, status="Service Unavailable", message="The service is currently unavailable"),
}


def _page(value: str) -> str:
    if value and not value.startswith(("https://", "http://", "/")):
        raise ValueError("a page begins with https://, http:// or /")
    return value


class KratosSettings(EndpointSettings):
    """Ory Kratos' session-info endpoint; `second_factor_url` is where a browser shows a second factor that it lacks."""

    dialect: Literal["kratos"]
    second_factor_url: Annotated[str, AfterValidator(_page)] = ""


class KratosKeys(SpokenSettings):
    """The name of the cookie that this Kratos reads (its `session.cookie.name`)."""

    cookie: CookieName = _COOKIE


class Kratos(Dialect):
    """Ory Kratos' dialect, both ways. The product and its document agree, so a profile changes nothing."""

    name = "kratos"
    paths: tuple[str, ...] = ("/sessions/whoami",)
    parameters: tuple[str, ...] = ()

    def __init__(self, *, cookie: str = _COOKIE, second_factor_url: str = "") -> None:
        self._cookie = cookie
        self._second_factor_url = second_factor_url
        self._decoder = AnswerDecoder(KratosSession, SecondFactorError, {403: Reason.FORBIDDEN})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the session and its identity, or say why not."""
        match verdict:
            case Found(session):
                if session.id is None or info_request.credential is None:
                    return self._failure(401)  # a credential that is good and opens no session
                if _asks_for_a_token(info_request.query):
                    return self._failure(400)
                person = person_of(session, info_request.credential.kind)
                return json_response(200, document_of(verdict, session.id, person), _whose(session.subject))
            case Unavailable(retry_after=seconds):
                return self._failure(503, seconds)
            case Rejected(Reason.FORBIDDEN):
                return self._failure(403)
            case _:
                return self._failure(401)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return self._failure(refusal.status if refusal.status in _FAULTS else 500, refusal.retry_after)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        return {200: Documented(KratosSession, "The session")} | {
            status: Documented(KratosError, fault.message) for status, fault in _FAULTS.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send a session's cookie under the product's own name, a session's token in `X-Session-Token`."""
        if session_id:
            return None
        if credential.kind is CredentialKind.COOKIE:
            return cookie_request(credential, self._cookie)
        if credential.kind is CredentialKind.BEARER or credential.key_type == "user":
            return RemoteRequest((("X-Session-Token", credential.parts[0]),))
        return None

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session; one that lacks its second factor is forbidden, for its owner is known."""
        return self._decoder.decode(response, found_of)

    def _failure(self, status: int, retry_after: int | None = None) -> InfoResponse:
        error = KratosError(_FAULTS[status], self._second_factor_url if status == 403 else "")  # noqa: PLR2004
        return json_response(status, error, waiting_header(status, retry_after))


def _asks_for_a_token(query: str | None) -> bool:
    """Tell whether the session is wanted as a signed token too: a client that counts on it must not get none."""
    try:
        pairs = parse_qsl(query or "", keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return True
    return any(name == _TOKENIZE and value for name, value in pairs)


def _whose(subject: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the field in which the product names the identity, for ids that a field can hold."""
    if not (subject.isascii() and subject.isprintable()):
        return ()
    return ((b"X-Kratos-Authenticated-Identity-Id", subject.encode("ascii")),)


KIND = DialectKind(
    "kratos",
    ServerFactory(KratosSettings, lambda settings, _issue: Kratos(second_factor_url=settings.second_factor_url)),
    ClientFactory(lambda settings: Kratos(cookie=settings.cookie), KratosKeys),
)
