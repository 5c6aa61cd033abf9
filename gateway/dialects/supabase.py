"""Supabase Auth's dialect: `GET /auth/v1/user`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder, parse
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    bearer_request,
    json_response,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory, SpokenSettings
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.supabase_wire import (
    REASONS,
    ProjectKeyError,
    SupabaseError,
    SupabaseUser,
    document_of,
    found_of,
)
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Undecided, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.person import person_of
from gateway.model.refusal import Refusal
from gateway.source.values import OptionalSecret

_NO_TOKEN = SupabaseError(code=401, error_code="no_authorization", msg="This endpoint requires a valid Bearer token")
_BAD_TOKEN = SupabaseError(code=403, error_code="bad_jwt", msg="invalid JWT: unable to parse or verify signature")
_NO_SESSION = SupabaseError(
    code=403, error_code="session_not_found", msg="Session from session_id claim in JWT does not exist"
)
_BANNED = SupabaseError(code=403, error_code="user_banned", msg="User is banned")
_FAILURES = {
    405: SupabaseError(code=405, error_code="bad_http_method", msg="Method not allowed"),
    429: SupabaseError(code=429, error_code="over_request_rate_limit", msg="Request rate limit reached"),
    500: SupabaseError(code=500, error_code="unexpected_failure", msg="Unexpected failure"),
    503: SupabaseError(code=503, error_code="unexpected_failure", msg="Service unavailable"),
}

_error_decoder = msgspec.json.Decoder(SupabaseError)
_project_key_decoder = msgspec.json.Decoder(ProjectKeyError)


class SupabaseSettings(EndpointSettings):
    """Supabase Auth's session-info endpoint."""

    dialect: Literal["supabase"]


class SupabaseKeys(SpokenSettings):
    """The project's key, which its gateway wants of whoever asks, and whether anonymous users count as signed in."""

    apikey: OptionalSecret = None
    anonymous: bool = False


class Supabase(Dialect):
    """Supabase Auth's dialect, both ways. The product and its document agree, so a profile changes nothing."""

    name = "supabase"
    paths: tuple[str, ...] = ("/auth/v1/user",)
    parameters: tuple[str, ...] = ()

    def __init__(self, keys: SupabaseKeys | None = None) -> None:
        keys = keys or SupabaseKeys()
        self._apikey = "" if keys.apikey is None else keys.apikey.get_secret_value()
        self._anonymous = keys.anonymous
        self._decoder = AnswerDecoder(SupabaseUser, SupabaseError, {})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the user, or say why not: 401 for no token, 403 for a bad one."""
        match verdict:
            case Found(session):
                if session.user is None or info_request.credential is None:  # a good key that is nobody's
                    return _failure(_BAD_TOKEN)
                person = person_of(session, info_request.credential.kind)
                return json_response(200, document_of(session, session.user, person, info_request.now))
            case Unavailable(retry_after=seconds):
                return _failure(_FAILURES[503], seconds)
            case Rejected(reason):
                return _failure({Reason.GONE: _NO_SESSION, Reason.FORBIDDEN: _BANNED}.get(reason, _BAD_TOKEN))
            case None:
                return _failure(_NO_TOKEN)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return _failure(_FAILURES.get(refusal.status, _FAILURES[500]), refusal.retry_after)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        failures = {401: _NO_TOKEN, 403: _BAD_TOKEN, **_FAILURES}
        return {200: Documented(SupabaseUser, "The user")} | {
            status: Documented(SupabaseError, error.msg) for status, error in failures.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the access token, with the project's key where the config has it."""
        if credential.kind is not CredentialKind.BEARER or session_id:
            return None
        key = (("apikey", self._apikey),) if self._apikey else ()
        return bearer_request(credential, *key)

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the user. A refused project's key is our own fault and not the caller's."""
        if response.status == HTTPStatus.UNAUTHORIZED and _is_about_our_key(response.body):
            return Undecided("the authority does not take the project's key (apikey)")
        if response.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            error = parse(response.body, _error_decoder)
            reason = None if error is None else REASONS.get(error.names())
            return Undecided(f"the authority answered {response.status}") if reason is None else Rejected(reason)
        return self._decoder.decode(response, lambda document: found_of(document, anonymous=self._anonymous))


def _is_about_our_key(body: bytes) -> bool:
    error = parse(body, _project_key_decoder)
    return error is not None and "api key" in error.message.lower()


def _failure(error: SupabaseError, retry_after: int | None = None) -> InfoResponse:
    status = int(error.code)
    headers = waiting_header(status, retry_after)
    return json_response(status, error, (*headers, (b"X-Sb-Error-Code", error.error_code.encode("ascii"))))


KIND = DialectKind(
    "supabase",
    ServerFactory(SupabaseSettings, lambda _settings, _issue: Supabase()),
    ClientFactory(Supabase, SupabaseKeys),
)
