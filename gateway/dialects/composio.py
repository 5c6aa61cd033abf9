"""composio: `GET /api/v3/auth/session/info` and `/api/v3.1/auth/session/info` (DIALECTS; seeds 000 and 001)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.composio_wire import (
    FAULTS,
    ApiKeyInfo,
    ComposioSessionInfo,
    ErrorInfo,
    Errors,
    Org,
    OrgMember,
    ProjectInfo,
)
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, RemoteRequest, RemoteResponse
from gateway.dialects.json_responses import json_reply, retry_later
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wire_times import (
    maybe_milliseconds,
    maybe_parse_instant,
    milliseconds,
    parse_instant,
)
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.memo import SessionMemo
from gateway.model.refusal import Refusal
from gateway.model.session import ApiKey, Member, Organization, Project, Session

_PATH = "/api/v3/auth/session/info"
_PATH_WITH_METADATA = "/api/v3.1/auth/session/info"
_HEADERS = {"project": "x-api-key", "user": "x-user-api-key", "organization": "x-org-api-key"}
_SHOWN_OF_A_BAD_KEY = 8


class ComposioSettings(EndpointSettings):
    """composio's session-info endpoint."""

    dialect: Literal["composio"]


_MANY_MODES = (
    "Multiple authentication modes were provided. Provide exactly one authentication mode per request. "
    "Use one of x-api-key, x-user-api-key and x-org-api-key, once."
)
_SAYS_NO = {400: Reason.UNKNOWN, 403: Reason.FORBIDDEN, 404: Reason.GONE}


class Composio:
    """composio's words, both ways. The product and its documents agree, so that a profile changes nothing."""

    name = "composio"
    paths: tuple[str, ...] = (_PATH, _PATH_WITH_METADATA)
    parameters: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._hearing = AnswerDecoder(ComposioSessionInfo, Errors, _SAYS_NO)
        self._said: SessionMemo[ComposioSessionInfo] = SessionMemo()

    def reply(self, verdict: Verdict | None, ask: InfoRequest) -> InfoResponse:
        """Answer with project, key and member, or in the error envelope."""
        match verdict:
            case Found(session):
                if session.member is None:  # the document's 404: "project, organization, or member"
                    return _error(404, ask)
                return json_reply(200, self._info(session, session.member, ask))
            case Unavailable(retry_after=seconds):
                return _error(503, ask, retry_after=seconds)
            case Rejected(reason):
                return _rejected(reason, ask)
            case None:
                return _error(401, ask)

    def _info(self, session: Session, member: Member, ask: InfoRequest) -> ComposioSessionInfo:
        """Return what is said of a session, with the key that the request itself showed."""
        info = self._said.get(session, ask.path)
        if info is None:
            info = _info(session, member, ask.path)
            self._said.put(session, ask.path, info)
        if info.api_key is None or ask.shown is None:
            return info
        return ComposioSessionInfo(info.project, replace(info.api_key, key=ask.shown.parts[0]), info.org_member)

    def refuse(self, refusal: Refusal, ask: InfoRequest) -> InfoResponse:
        """Answer what was refused before anybody was asked."""
        return _error(refusal.status if refusal.status in FAULTS else 500, ask, retry_after=refusal.retry_after)

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        del path
        return {200: Documented(ComposioSessionInfo, "The session is valid")} | {
            status: Documented(Errors, fault.message) for status, fault in FAULTS.items()
        }

    def question(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the key in the header of its type."""
        header = _HEADERS.get(credential.key_type)
        if header is None or credential.kind is not CredentialKind.API_KEY or session_id:
            return None
        return RemoteRequest(((header, credential.parts[0]),))

    def decode(
        self, heard: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the key's session. The echoed key is dropped: a session holds no secret that opens it."""
        del credential, session_id
        return self._hearing.hear(heard, _found)


def _info(session: Session, member: Member, path: str) -> ComposioSessionInfo:
    """Return what is said of a session; its key is not in it, since only a hash of that is stored."""
    key, project = session.api_key, session.project
    by_organization = key is not None and key.type == "organization"
    said = OrgMember(member.id, member.email or "", member.name or "", member.role or "")
    if path == _PATH_WITH_METADATA:
        said.metadata = member.metadata
    return ComposioSessionInfo(
        None if project is None or by_organization else _project(project, session.organization),
        _api_key(key) if key is not None and key.type == "project" else None,
        said,
    )


def _project(project: Project, organization: Organization | None) -> ProjectInfo:
    org = organization or Organization(id=project.org_id)
    return ProjectInfo(
        auto_id=project.auto_id,
        id=project.id,
        org_id=project.org_id,
        name=project.name,
        email=project.email,
        nano_id=project.nano_id,
        created_at=milliseconds(project.created_at),
        updated_at=milliseconds(project.updated_at),
        webhook_url=project.webhook_url,
        event_webhook_url=project.event_webhook_url,
        webhook_secret=project.webhook_secret,
        triggers_enabled=project.triggers_enabled,
        last_subscribed_at=maybe_milliseconds(project.last_subscribed_at),
        deleted=project.deleted,
        is_new_webhook=project.is_new_webhook,
        webhook_version=project.webhook_version,
        org=Org(org.id, org.name or "", org.plan or ""),
    )


def _api_key(key: ApiKey) -> ApiKeyInfo:
    return ApiKeyInfo(
        auto_id=key.auto_id,
        id=key.id,
        name=key.name,
        project_id=key.project_id or "",
        org_member_id=key.org_member_id or "",
        created_at=milliseconds(key.created_at),
        updated_at=milliseconds(key.updated_at),
        deleted_at=maybe_milliseconds(key.deleted_at),
        key="",
        deleted=key.deleted,
    )


def _rejected(reason: Reason, ask: InfoRequest) -> InfoResponse:
    if reason is Reason.AMBIGUOUS:
        return _error(401, ask, _MANY_MODES)
    if ask.malformed:
        return _error(400, ask)
    if reason is Reason.FORBIDDEN:
        return _error(403, ask)
    if reason is Reason.GONE:
        return _error(404, ask)
    if ask.shown is None or ask.shown.kind is not CredentialKind.API_KEY:
        return _error(401, ask, "Invalid credential.")
    return _error(401, ask, f"Invalid API key: {ask.shown.parts[0][:_SHOWN_OF_A_BAD_KEY]}*****")


def _error(status: int, ask: InfoRequest, message: str = "", *, retry_after: int | None = None) -> InfoResponse:
    fault = FAULTS[status]
    said = ErrorInfo(message or fault.message, 10000 + status, fault.slug, status, ask.request_id, fault.fix)
    return json_reply(status, Errors(said), retry_later(retry_after) if status in {429, 503} else ())


def _found(info: ComposioSessionInfo) -> Found | Rejected:
    if info.api_key is not None and info.api_key.deleted:
        return Rejected(Reason.REVOKED)
    if info.project is not None and info.project.deleted:
        return Rejected(Reason.GONE)
    member = info.org_member
    project = info.project
    metadata = {} if member.metadata is msgspec.UNSET else member.metadata
    return Found(
        Session(
            subject=member.id,
            member=Member(
                id=member.id,
                role=member.role or None,
                email=member.email or None,
                name=member.name or None,
                metadata=metadata,
            ),
            project=None if project is None else _our_project(project),
            organization=None if project is None else _our_organization(project.org),
            api_key=None if info.api_key is None else _our_key(info.api_key),
        )
    )


def _our_project(said: ProjectInfo) -> Project:
    facts = {name: getattr(said, name) for name in said.__struct_fields__ if name != "org"}
    facts["created_at"] = parse_instant(said.created_at)
    facts["updated_at"] = parse_instant(said.updated_at)
    facts["last_subscribed_at"] = maybe_parse_instant(said.last_subscribed_at)
    return Project(**facts)


def _our_organization(said: Org) -> Organization:
    return Organization(id=said.id, name=said.name or None, plan=said.plan or None)


def _our_key(said: ApiKeyInfo) -> ApiKey:
    return ApiKey(
        auto_id=said.auto_id,
        id=said.id,
        type="project",
        name=said.name,
        project_id=said.project_id or None,
        org_member_id=said.org_member_id or None,
        created_at=parse_instant(said.created_at),
        updated_at=parse_instant(said.updated_at),
        deleted_at=maybe_parse_instant(said.deleted_at),
        deleted=said.deleted,
    )
