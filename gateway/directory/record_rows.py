"""Turns records into the rows of the tables; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.directory.hashing import Peppers, imported_hash, login_token_hash, visible_prefix
from gateway.directory.records import ApiKeyRecord, LoginRecord, Record, Records, SessionRecord, SignInRecord
from gateway.directory.stored import ACTIVE, CLOSED
from gateway.directory.user_agents import device_of
from gateway.model.session import Device, Login

TableRow = dict[str, Any]
"""Column -> value."""

_PLAIN_TABLES = ("organizations", "workspaces", "users", "members", "projects")
COLUMNS = {
    "organization": "organization_id",
    "workspace": "workspace_id",
    "user": "user_id",
    "active_signin": "active_signin_id",
}


def rows_of(records: Records, peppers: Peppers, organization_of: Callable[[str], str]) -> dict[str, list[TableRow]]:
    """Return the rows of every table, in an order in which each row comes after those it refers to.

    `organization_of` returns the organization of a member's id, be it in the file or in the directory.
    """
    rows = {name: [_plain_row(record) for record in getattr(records, name)] for name in _PLAIN_TABLES}
    rows["api_keys"] = [_key_row(key, peppers, organization_of(key.member)) for key in records.api_keys]
    rows["sessions"] = [_session_row(session) for session in records.sessions]
    rows["signins"] = [_signin_row(signin, session) for session in records.sessions for signin in session.signins]
    return rows


def _plain_row(record: Record, *, without: set[str] | None = None) -> TableRow:
    """Return the fields as columns: references under the column's name, tuples as lists, as JSON has them."""
    return {COLUMNS.get(name, name): _plain(value) for name, value in record.model_dump(exclude=without).items()}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _key_row(record: ApiKeyRecord, peppers: Peppers, organization_id: str) -> TableRow:
    stored, prefix = _stored_key(record, peppers)
    return {
        **_plain_row(record, without={"key", "key_hash", "stored_hash", "prefix", "short", "project", "member"}),
        "hash": stored,
        "prefix": prefix,
        "organization_id": organization_id,
        "project_id": record.project,
        "member_id": record.member,
    }


def _stored_key(record: ApiKeyRecord, peppers: Peppers) -> tuple[str | None, str]:
    """Return what is stored of a key: its hash, None if that is not known, and its beginning."""
    if record.key is not None:
        key = record.key.get_secret_value()
        return peppers.hash(key), visible_prefix(key)
    if record.key_hash is None:
        return record.stored_hash, record.prefix or ""
    return imported_hash(record.key_hash.source, record.key_hash.sha256), record.key_hash.prefix


def _session_row(record: SessionRecord) -> TableRow:
    row = _plain_row(record, without={"device", "user_agent", "login", "signins"})
    row["state"] = record.state or (CLOSED if record.closed_at is not None else ACTIVE)
    device = _device(record)
    row |= {f"device_{name}": getattr(device, name) for name in Device.__struct_fields__}
    row |= {f"login_{name}": None for name in Login.__struct_fields__}
    if record.login is not None:
        row |= {f"login_{name}": value for name, value in _login_fields(record.login).items()}
    return row


def _device(record: SessionRecord) -> Device:
    if record.device is not None:
        return Device(**record.device.model_dump())
    return device_of(record.user_agent) if record.user_agent is not None else Device()


def _login_fields(login: LoginRecord) -> TableRow:
    fields = login.model_dump(exclude={"token"})
    if login.token is not None:
        fields["token_hash"] = login_token_hash(login.token.get_secret_value())
    return fields


def _signin_row(record: SignInRecord, session: SessionRecord) -> TableRow:
    return {
        "id": record.id,
        "session_id": session.id,
        "user_id": record.user or session.user,
        "created_at": record.created_at,
    }
