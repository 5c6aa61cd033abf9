"""composio's JSON, key for key in the order of its documents, encoded from our Session and decoded into it."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.dialects.wire_times import (
    Milliseconds,
    NonEmptyText,
    maybe_milliseconds,
    maybe_parse_instant,
    milliseconds,
    parse_instant,
)
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.session import ApiKey, Member, Organization, Project, Session


class Org(msgspec.Struct):
    """The organization within a project."""

    id: NonEmptyText
    name: str
    plan: str


class ProjectInfo(msgspec.Struct):
    """The project that the key opens; a nullable field is null, never absent."""

    auto_id: int
    id: NonEmptyText
    org_id: str
    name: str
    email: str
    nano_id: NonEmptyText
    created_at: Milliseconds
    updated_at: Milliseconds
    webhook_url: str | None
    event_webhook_url: str | None
    webhook_secret: str | None
    triggers_enabled: bool
    last_subscribed_at: Milliseconds | None
    deleted: bool
    is_new_webhook: bool
    webhook_version: str
    org: Org


class ApiKeyInfo(msgspec.Struct):
    """The key that the request carries."""

    auto_id: int
    id: NonEmptyText
    name: str
    project_id: str
    org_member_id: str
    created_at: Milliseconds
    updated_at: Milliseconds
    deleted_at: Milliseconds | None
    key: str
    deleted: bool


class OrgMember(msgspec.Struct):
    """Whose key it is; `metadata` under `/api/v3.1` alone."""

    id: NonEmptyText
    email: str
    name: str
    role: str
    metadata: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ComposioSessionInfo(msgspec.Struct):
    """A success: all three keys are always there."""

    project: ProjectInfo | None
    api_key: ApiKeyInfo | None
    org_member: OrgMember


class ErrorInfo(msgspec.Struct):
    """What went wrong. `code` is the product's own, `status` the HTTP status."""

    message: str
    code: int
    slug: str
    status: int
    request_id: str = ""
    suggested_fix: str = ""
    errors: list[str] = []


class Errors(msgspec.Struct):
    """Every failure."""

    error: ErrorInfo


class ErrorTexts(msgspec.Struct, frozen=True):
    """The product's slug and message for a status, and the fix it suggests."""

    slug: str
    message: str
    fix: str


FAULTS = {
    400: ErrorTexts("HTTP_BadRequest", "The request is malformed.", "Check the headers and parameters of the request."),
    401: ErrorTexts(
        "HTTP_Unauthorized", "No authentication provided.", "Provide a valid API key in the x-api-key header."
    ),
    403: ErrorTexts(
        "HTTP_Forbidden", "You may not access this resource.", "Ask an administrator of your organization."
    ),
    404: ErrorTexts(
        "HTTP_NotFound", "The project, organization or member could not be found.", "Check that it still exists."
    ),
    405: ErrorTexts("HTTP_MethodNotAllowed", "This method is not allowed here.", "Use GET."),
    429: ErrorTexts("HTTP_TooManyRequests", "Too many requests.", "Wait for the time that Retry-After names."),
    500: ErrorTexts("HTTP_InternalServerError", "An unexpected error occurred.", "Try again later."),
    503: ErrorTexts(
        "HTTP_ServiceUnavailable", "The service is unavailable.", "Wait for the time that Retry-After names."
    ),
}
"""By status; `code` is 10000 more."""


def session_info(session: Session, member: Member, *, with_metadata: bool) -> ComposioSessionInfo:
    """Return the document of a session; the key itself is empty, since only its hash is stored."""
    key, project = session.api_key, session.project
    by_organization = key is not None and key.type == "organization"
    org_member = OrgMember(member.id, member.email or "", member.name or "", member.role or "")
    if with_metadata:
        org_member.metadata = member.metadata
    return ComposioSessionInfo(
        None if project is None or by_organization else _project(project, session.organization),
        _api_key(key) if key is not None and key.type == "project" else None,
        org_member,
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


def answer_of_info(info: ComposioSessionInfo) -> Found | Rejected:
    """Return the session of a document; raises msgspec.ValidationError for a malformed instant."""
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


def _our_project(info: ProjectInfo) -> Project:
    fields = {name: getattr(info, name) for name in info.__struct_fields__ if name != "org"}
    fields["created_at"] = parse_instant(info.created_at)
    fields["updated_at"] = parse_instant(info.updated_at)
    fields["last_subscribed_at"] = maybe_parse_instant(info.last_subscribed_at)
    return Project(**fields)


def _our_organization(org: Org) -> Organization:
    return Organization(id=org.id, name=org.name or None, plan=org.plan or None)


def _our_key(info: ApiKeyInfo) -> ApiKey:
    return ApiKey(
        auto_id=info.auto_id,
        id=info.id,
        type="project",
        name=info.name,
        project_id=info.project_id or None,
        org_member_id=info.org_member_id or None,
        created_at=parse_instant(info.created_at),
        updated_at=parse_instant(info.updated_at),
        deleted_at=maybe_parse_instant(info.deleted_at),
        deleted=info.deleted,
    )
