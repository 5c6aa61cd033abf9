"""Which options the commands of each noun have; as a table, so that a command line is parsed without SQLAlchemy.

A test compares it with the structs that the operations take.
"""

from __future__ import annotations

import msgspec


class NounOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A noun's name in the table of operations, its verbs, and the fields that they take."""

    noun: str
    help: str
    create: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    deleted: str = ""
    ends: bool = False


_USER = ("email", "name", "username", "first_name", "last_name", "image_url", "roles")
_ORGANIZATION = ("name", "uuid", "slug", "plan", "image_url")
_MEMBER = ("role", "email", "name", "metadata", "status")
_PROJECT = (
    *("name", "email", "webhook_url", "event_webhook_url", "webhook_secret"),
    *("triggers_enabled", "is_new_webhook", "webhook_version"),
)
_SESSION = (
    *("user", "organization", "workspace", "scopes", "device", "user_agent"),
    *("ip", "host", "login_type", "ttl", "idle", "credentials"),
)

NOUN_OPTIONS: dict[str, NounOptions] = {
    "user": NounOptions(
        noun="user",
        help="people and machines that sign in",
        create=("id", *_USER),
        change=_USER,
        wanted=("email", "username", "organization"),
        columns=("id", "email", "name", "username", "roles", "created_at"),
        deleted="delete a user with its memberships, and log its sessions out",
    ),
    "organization": NounOptions(
        noun="organization",
        help="what members, projects and workspaces belong to",
        create=("id", *_ORGANIZATION),
        required=("name",),
        change=_ORGANIZATION,
        wanted=("name", "slug"),
        columns=("id", "name", "slug", "plan"),
        deleted="delete an organization with its members, projects and workspaces",
    ),
    "member": NounOptions(
        noun="member",
        help="users' places in organizations",
        create=("id", "organization", "user", *_MEMBER),
        required=("organization",),
        change=_MEMBER,
        wanted=("organization", "user", "role", "status"),
        columns=("id", "organization", "user", "role", "status", "email", "name"),
        deleted="delete a member; its keys are refused from then on",
    ),
    "workspace": NounOptions(
        noun="workspace",
        help="parts of organizations that sessions are in",
        create=("id", "organization", "name", "slug"),
        required=("organization",),
        change=("name", "slug"),
        wanted=("organization", "slug"),
        columns=("id", "organization", "name", "slug"),
        deleted="delete a workspace",
    ),
    "project": NounOptions(
        noun="project",
        help="what API keys open",
        create=("id", "organization", "nano_id", *_PROJECT),
        required=("organization",),
        change=(*_PROJECT, "deleted"),
        wanted=("organization", "nano_id", "deleted"),
        columns=("id", "organization", "name", "nano_id", "deleted", "created_at"),
        deleted="delete a project; its keys are refused from then on",
    ),
    "key": NounOptions(
        noun="api_key",
        help="API keys",
        create=("type", "member", "name", "project", "scopes", "expires_at"),
        required=("member",),
        change=("name", "scopes", "expires_at"),
        wanted=("member", "project", "organization", "type", "live"),
        columns=("id", "type", "name", "prefix", "member", "project", "expires_at", "deleted_at"),
        deleted="delete a key: it is refused as revoked",
    ),
    "session": NounOptions(
        noun="session",
        help="sessions of users",
        create=_SESSION,
        required=("user",),
        change=("organization", "workspace", "active_signin", "scopes", "expires_at"),
        wanted=("user", "organization", "live"),
        columns=("id", "user", "organization", "state", "last_activity_at", "expires_at", "closed_at"),
        ends=True,
    ),
    "signin": NounOptions(
        noun="signin",
        help="who signed in within a session",
        wanted=("session", "user"),
        columns=("id", "session", "user", "created_at"),
        deleted="delete a sign-in",
    ),
}

LISTS = frozenset({"roles", "scopes", "credentials"})
"""Fields whose option is given once for each value."""

JSON_FIELDS = frozenset({"metadata", "device"})
"""Fields whose value is JSON."""
