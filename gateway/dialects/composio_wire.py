"""composio's JSON, key for key in the order of its documents, and its names for each failure."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.dialects.wire_times import Milliseconds, NonEmptyText


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
