"""The tables of the directory, with a column for every field of the dialects' documents.

The row that a key or a session refers to may be deleted (`ON DELETE SET NULL`): its own row stays, so that its owner
reads `gone` and not `unknown`. The schema's versions are in `migrations/`; a test proves that they lead here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from gateway.directory.stored_instant import StoredInstant

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _id() -> Column[Any]:
    return Column("id", String, primary_key=True)


def _text(name: str, *, required: bool = False, index: bool = False) -> Column[Any]:
    return Column(name, String, nullable=not required, index=index)


def _instant(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, StoredInstant, nullable=not required)


def _reference(name: str, table: str, on_delete: str, *, required: bool = False) -> Column[Any]:
    # Indexed, since a delete of the row that is referred to would scan this whole table otherwise.
    return Column(name, ForeignKey(f"{table}.id", ondelete=on_delete), nullable=not required, index=True)


organizations = Table(
    "organizations",
    METADATA,
    _id(),
    _text("uuid"),  # the internal id, which a project shows as `org_id`; `id` where there is none
    _text("name"),
    _text("slug"),
    _text("plan"),
    _text("image_url"),
)

workspaces = Table(
    "workspaces",
    METADATA,
    _id(),
    _reference("organization_id", "organizations", "CASCADE", required=True),
    _text("name"),
    _text("slug"),
)

users = Table(
    "users",
    METADATA,
    _id(),
    _text("email", index=True),  # people sign in by it
    _text("name"),
    _text("username", index=True),  # likewise
    _text("first_name"),
    _text("last_name"),
    _text("image_url"),
    Column("roles", JSON, nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
)

members = Table(
    "members",
    METADATA,
    _id(),
    _reference("organization_id", "organizations", "CASCADE", required=True),
    _reference("user_id", "users", "CASCADE"),  # none: a member that only ever uses keys
    _text("role"),
    _text("email"),
    _text("name"),
    Column("metadata", JSON, nullable=False),
    _text("status", required=True),
    UniqueConstraint("organization_id", "user_id"),
)

projects = Table(
    "projects",
    METADATA,
    _id(),
    Column("auto_id", Integer, nullable=False, unique=True),
    Column("nano_id", String, nullable=False, unique=True),
    _reference("organization_id", "organizations", "CASCADE", required=True),
    _text("name", required=True),
    _text("email", required=True),
    _text("webhook_url"),
    _text("event_webhook_url"),
    _text("webhook_secret"),  # readable, since the composio document shows it to its owner
    Column("triggers_enabled", Boolean, nullable=False),
    _instant("last_subscribed_at"),
    Column("deleted", Boolean, nullable=False),
    Column("is_new_webhook", Boolean, nullable=False),
    _text("webhook_version", required=True),
    _instant("created_at", required=True),
    _instant("updated_at", required=True),
)

api_keys = Table(
    "api_keys",
    METADATA,
    _id(),
    Column("auto_id", Integer, nullable=False, unique=True),
    _text("type", required=True),
    _text("name", required=True),
    Column("hash", String, nullable=False, unique=True),  # see `hashing`; the key itself is nowhere
    _text("prefix", required=True),
    _reference("organization_id", "organizations", "SET NULL"),
    _reference("project_id", "projects", "SET NULL"),
    _reference("member_id", "members", "SET NULL"),
    Column("scopes", JSON, nullable=False),
    _instant("created_at", required=True),
    _instant("updated_at", required=True),
    _instant("expires_at"),
    _instant("deleted_at"),
)

sessions = Table(
    "sessions",
    METADATA,
    _id(),
    _reference("user_id", "users", "SET NULL"),
    _reference("organization_id", "organizations", "SET NULL"),
    _reference("workspace_id", "workspaces", "SET NULL"),
    _text("state", required=True),
    Column("scopes", JSON, nullable=False),
    _text("device_type"),
    _text("device_name"),
    _text("device_version"),
    _text("device_long_version"),
    _text("device_os_name"),
    _text("device_os_version"),
    _instant("login_at"),
    _text("login_document_id"),
    _text("login_type"),
    _text("login_instance_id"),
    _text("login_token_hash"),  # base64(sha256(token)), as the Rocket.Chat document shows it; see `hashing`
    _text("login_ip"),
    _text("login_host"),
    _text("login_most_important_role"),
    _text("login_search_term"),
    _text("active_signin_id"),
    Column("signin_attempts", JSON, nullable=False),
    Column("signup_attempts", JSON, nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
    _instant("last_activity_at"),
    _instant("expires_at"),
    Column("idle", BigInteger),  # seconds without activity that end it
    _instant("closed_at"),
    # Not unique: Rocket.Chat opens a session a day with one and the same login token.
    Index("ix_sessions_login", "user_id", "login_token_hash"),
)

refresh_families = Table(
    "refresh_families",
    METADATA,
    _id(),  # the keyed hash of what every token of the family begins with
    _reference("session_id", "sessions", "CASCADE", required=True),
    _text("token_hash", required=True),  # of the one token that is good; see `hashing`
    _text("previous_hash"),  # of the one before it
    _instant("created_at", required=True),
    _instant("rotated_at"),
    _instant("expires_at", required=True),
)

signins = Table(
    "signins",
    METADATA,
    _id(),
    _reference("session_id", "sessions", "CASCADE", required=True),
    _reference("user_id", "users", "CASCADE", required=True),
    _instant("created_at", required=True),
)

named_calls = Table(
    "named_calls",
    METADATA,
    _id(),  # a hash of who called what under which name
    _text("digest", required=True),
    Column("answer", LargeBinary, nullable=True),  # sealed; none yet while the call is under way
    Column("at", StoredInstant, nullable=False, index=True),
)

audit_entries = Table(
    "audit_entries",
    METADATA,
    # a number and no random id, so that entries have an order; triggers of the database refuse UPDATE and DELETE
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _instant("at", required=True),
    _text("operation", required=True),
    _text("kind", required=True),
    _text("record_id", required=True),
    _text("way_in", required=True),
    _text("actor_user"),
    _text("actor_credential"),
    _text("client"),
    _text("request_id"),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("ix_audit_entries_record", "kind", "record_id"),
    Index("ix_audit_entries_actor_user", "actor_user"),
)
