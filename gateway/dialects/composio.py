"""composio's dialect: `GET /api/v3/auth/session/info` and `/api/v3.1/auth/session/info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.composio_wire import (
    FAULTS,
    ComposioSessionInfo,
    ErrorInfo,
    Errors,
    answer_of_info,
    session_info,
)
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    json_response,
    waiting_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory
from gateway.dialects.settings import EndpointSettings
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.memo import SessionMemo
from gateway.model.refusal import Refusal
from gateway.model.session import Member, Session

_PATH = "/api/v3/auth/session/info"
_PATH_WITH_METADATA = "/api/v3.1/auth/session/info"
_HEADERS = {"project": "x-api-key", "user": "x-user-api-key", "organization": "x-org-api-key"}
_KEY_PREFIX = 8
"""Characters of a bad key that the error message shows, as the product's does."""


class ComposioSettings(EndpointSettings):
    """composio's session-info endpoint."""

    dialect: Literal["composio"]


_MANY_MODES = (
    "Multiple authentication modes were provided. Provide exactly one authentication mode per request. "
    "Use one of x-api-key, x-user-api-key and x-org-api-key, once."
)
_REFUSALS = {400: Reason.UNKNOWN, 403: Reason.FORBIDDEN, 404: Reason.GONE}


class Composio(Dialect):
    """composio's dialect, both ways. The product and its documents agree, so a profile changes nothing."""

    name = "composio"
    paths: tuple[str, ...] = (_PATH, _PATH_WITH_METADATA)
    parameters: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._decoder = AnswerDecoder(ComposioSessionInfo, Errors, _REFUSALS)
        self._infos: SessionMemo[ComposioSessionInfo] = SessionMemo()

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with project, key and member, or in the error envelope."""
        match verdict:
            case Found(session):
                if session.member is None:  # the document's 404: "project, organization, or member"
                    return _error(404, info_request)
                return json_response(200, self._info(session, session.member, info_request))
            case Unavailable(retry_after=seconds):
                return _error(503, info_request, retry_after=seconds)
            case Rejected(reason):
                return _rejected(reason, info_request)
            case None:
                return _error(401, info_request)

    def _info(self, session: Session, member: Member, info_request: InfoRequest) -> ComposioSessionInfo:
        """Return the document of a session, with the key that the request carries."""
        info = self._infos.get(session, info_request.path)
        if info is None:
            info = session_info(session, member, with_metadata=info_request.path == _PATH_WITH_METADATA)
            self._infos.put(session, info_request.path, info)
        if info.api_key is None or info_request.credential is None:
            return info
        return ComposioSessionInfo(
            info.project, replace(info.api_key, key=info_request.credential.parts[0]), info.org_member
        )

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return _error(
            refusal.status if refusal.status in FAULTS else 500, info_request, retry_after=refusal.retry_after
        )

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        return {200: Documented(ComposioSessionInfo, "The session is valid")} | {
            status: Documented(Errors, fault.message) for status, fault in FAULTS.items()
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the key in the header of its type."""
        header = _HEADERS.get(credential.key_type)
        if header is None or credential.kind is not CredentialKind.API_KEY or session_id:
            return None
        return RemoteRequest(((header, credential.parts[0]),))

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the key's session without the echoed key: a session holds no secret that opens it."""
        return self._decoder.decode(response, answer_of_info)


def _rejected(reason: Reason, info_request: InfoRequest) -> InfoResponse:
    if reason is Reason.AMBIGUOUS:
        return _error(401, info_request, _MANY_MODES)
    if info_request.malformed:
        return _error(400, info_request)
    if reason is Reason.FORBIDDEN:
        return _error(403, info_request)
    if reason is Reason.GONE:
        return _error(404, info_request)
    if info_request.credential is None or info_request.credential.kind is not CredentialKind.API_KEY:
        return _error(401, info_request, "Invalid credential.")
    return _error(401, info_request, f"Invalid API key: {info_request.credential.parts[0][:_KEY_PREFIX]}*****")


def _error(
    status: int, info_request: InfoRequest, message: str = "", *, retry_after: int | None = None
) -> InfoResponse:
    fault = FAULTS[status]
    error = ErrorInfo(message or fault.message, 10000 + status, fault.slug, status, info_request.request_id, fault.fix)
    return json_response(status, Errors(error), waiting_header(status, retry_after))


KIND = DialectKind(
    "composio",
    ServerFactory(ComposioSettings, lambda _settings, _issue: Composio()),
    ClientFactory(lambda _settings: Composio()),
)
