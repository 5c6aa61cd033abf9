"""Who the caller is, in one normal form that every authority fills and every dialect reads; and what can be revoked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person or machine that signs in; the same one in every organization.

    `email_verified` is what its issuer says of the address, `None` where it says nothing.
    """

    id: str
    email: str | None = None
    email_verified: bool | None = None
    name: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    image_url: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Organization(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The organization that this session is bound to."""

    id: str
    name: str | None = None
    slug: str | None = None
    plan: str | None = None
    image_url: str | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user's place in the bound organization; an API key acts for one."""

    id: str
    role: str | None = None
    email: str | None = None
    name: str | None = None
    metadata: dict[str, Any] = {}


class Workspace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The workspace within the organization that this session is in."""

    id: str
    name: str | None = None
    slug: str | None = None


class Project(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The project that an API key belongs to, with the fields of composio's session info.

    `org_id` is the organization's internal id (a UUID in composio's example), not `Organization.id`.
    """

    auto_id: int
    id: str
    nano_id: str
    org_id: str
    name: str
    email: str
    created_at: datetime
    updated_at: datetime
    webhook_url: str | None = None
    event_webhook_url: str | None = None
    webhook_secret: str | None = None
    triggers_enabled: bool = False
    last_subscribed_at: datetime | None = None
    deleted: bool = False
    is_new_webhook: bool = False
    webhook_version: str = "V1"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The API key of the request, without its secret. `type` is `project`, `user` or `organization`.

    `project_id` is the project's `nano_id`.
    """

    auto_id: int
    id: str
    type: str
    name: str
    project_id: str | None = None
    org_member_id: str | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    deleted: bool = False


class SignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One signing-in of a user within a browser session."""

    id: str
    user_id: str
    created_at: datetime


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The device that a session was opened from."""

    type: str | None = None
    name: str | None = None
    version: str | None = None
    long_version: str | None = None
    os_name: str | None = None
    os_version: str | None = None


class Login(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How and where a chat session was opened.

    `token_hash` is base64(sha256(token)), which Rocket.Chat shows to the session's owner. `document_id` is the `_id` of
    the stored session document; it is not the session's id.
    """

    at: datetime
    document_id: str | None = None
    type: str | None = None
    instance_id: str | None = None
    token_hash: str | None = None
    ip: str | None = None
    host: str | None = None
    most_important_role: str | None = None
    search_term: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the caller is. Times are aware datetimes in UTC.

    `subject` names the caller for limits, logs and tokens: the user's id, else the member's, else the key's.
    `id` is absent for API keys. `roles` are the user's own; the role in the bound organization is `member.role`.
    `claims` are those of its issuer that the config asks for, by the config's names.
    `state` is `active` for a live session; no other is ever admitted.
    """

    subject: str
    id: str | None = None
    state: str = "active"
    user: User | None = None
    organization: Organization | None = None
    member: Member | None = None
    workspace: Workspace | None = None
    project: Project | None = None
    api_key: ApiKey | None = None
    device: Device | None = None
    login: Login | None = None
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    claims: dict[str, tuple[str, ...]] = {}
    signins: tuple[SignIn, ...] = ()
    active_signin: SignIn | None = None
    signin_attempts: tuple[dict[str, Any], ...] = ()
    signup_attempts: tuple[dict[str, Any], ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_activity_at: datetime | None = None
    expires_at: datetime | None = None
    closed_at: datetime | None = None


class RevocationKind(StrEnum):
    """What can be revoked; also the keys of `POST /revoke`."""

    SESSION = "session"
    USER = "user"
    API_KEY = "api_key"
    ORGANIZATION = "organization"
    CREDENTIAL = "credential"


class RevocationTarget(msgspec.Struct, frozen=True):
    """What is revoked, of our directory or of a foreign authority, by its `id`.

    The `id` of a `credential` is its fingerprint in hexadecimal.
    """

    kind: RevocationKind
    id: str
