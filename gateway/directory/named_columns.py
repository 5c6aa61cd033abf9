"""Which columns a record names: a load changes those of a row that is there, and no others; pure."""

from __future__ import annotations

from typing import Any

from gateway.directory.record_rows import COLUMNS, TableRow
from gateway.directory.records import ApiKeyRecord, Record, SessionRecord
from gateway.model.session import Device

_KEY_FIELDS = {"key", "key_hash", "stored_hash"}


def merged(record: Record, row: TableRow, before: TableRow) -> TableRow:
    """Return a row that is there with what the record names of it."""
    named = named_columns(record)
    return {**before, **{column: value for column, value in row.items() if column in named}}


def named_columns(record: Record) -> set[str]:
    """Return the columns that a record names, by itself or in what it holds."""
    fields = record.model_fields_set
    columns = {COLUMNS.get(name, name) for name in fields}
    if isinstance(record, ApiKeyRecord):
        columns |= {"project_id" if "project" in fields else "", "member_id", "organization_id"}
        columns |= {"hash", "prefix"} if _KEY_FIELDS & fields else set()
        columns -= set() if _KEY_FIELDS & fields else {"prefix"}
    if isinstance(record, SessionRecord):
        columns |= _session_columns(record)
    return columns


def _session_columns(record: SessionRecord) -> set[str]:
    fields = record.model_fields_set
    columns = {"state"} if {"state", "closed_at"} & fields else set()
    if record.device is not None:
        columns |= {f"device_{name}" for name in record.device.model_fields_set}
    elif {"device", "user_agent"} & fields:
        columns |= {f"device_{name}" for name in Device.__struct_fields__}
    if record.login is not None:
        columns |= {f"login_{name}" for name in record.login.model_fields_set - {"token"}}
        columns |= {"login_token_hash"} if record.login.token is not None else set()
    return columns


def completed(table: str, row: TableRow, before: TableRow | None, defaults: TableRow) -> TableRow:
    """Return a row without a gap: what the record does not say is as it was, else by default."""
    gaps = {name: value for name, value in defaults.items() if name in row and row[name] is None}
    existing = {name: before[name] for name in gaps if before is not None and before[name] is not None}
    row = {**row, **gaps, **existing}
    if table == "api_keys" and before is not None and row["hash"] == before["hash"]:
        row["prefix"] = row["prefix"] or before["prefix"]
    return row


def defaults_of(table: str, row: TableRow, now: Any, number: int) -> TableRow:
    """Return what a row of a table needs and a record need not say."""
    times = {"created_at": now, "updated_at": now}
    if table == "projects":
        return {**times, "auto_id": number, "nano_id": row["id"], "name": row["id"]}
    if table == "api_keys":
        # nothing has this hash: a key that came without any is opened by nothing
        return {**times, "auto_id": number, "name": row["id"], "hash": f"none:{row['id']}"}
    return {}
