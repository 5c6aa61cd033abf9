"""Writes everything that the directory has as a records file, but for secrets; `load` takes it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.record_rows import COLUMNS
from gateway.directory.records import Records
from gateway.directory.store import Directory
from gateway.directory.tables import METADATA, api_keys, members, sessions, signins
from gateway.model.session import Device, Login

_PAGE = 500
_SECRET = {"webhook_secret", "hash", "login_token_hash"}
_LOADABLE = {
    # what these refer to was deleted, so they are refused as gone, and no file could load them
    "api_keys": and_(api_keys.c.member_id.is_not(None), api_keys.c.organization_id.is_not(None)),
    "sessions": and_(
        sessions.c.user_id.is_not(None),
        or_(
            sessions.c.organization_id.is_(None),
            exists().where(
                members.c.organization_id == sessions.c.organization_id, members.c.user_id == sessions.c.user_id
            ),
        ),
    ),
}

_encode = msgspec.json.Encoder().encode


async def export_records(directory: Directory, *, hashes: bool = False) -> AsyncIterator[str]:
    """Yield the lines of a records file in JSON, one record a line, as of one moment.

    With `hashes` also those of API keys and login tokens, which are good again where they are loaded.
    """
    yield "{"
    async with directory.reading() as connection:
        names = list(Records.model_fields)
        for name in names:
            yield f"{_json(name)}: ["
            before = ""
            async for record in _records(connection, METADATA.tables[name], hashes=hashes):
                if before:
                    yield f"{before},"
                before = _json(record)
            if before:
                yield before
            yield "]" if name == names[-1] else "],"
    yield "}"


async def _records(connection: AsyncConnection, table: Table, *, hashes: bool) -> AsyncIterator[dict[str, Any]]:
    last = ""
    condition = _LOADABLE.get(table.name)
    while True:
        query = select(table).where(table.c.id > last, *([condition] if condition is not None else []))
        rows = [dict(row) for row in (await connection.execute(query.order_by(table.c.id).limit(_PAGE))).mappings()]
        within = await _signins(connection, [row["id"] for row in rows]) if table is sessions else {}
        for row in rows:
            yield _record(table, row, within.get(row["id"], []), hashes=hashes)
        if len(rows) < _PAGE:
            return
        last = rows[-1]["id"]


async def _signins(connection: AsyncConnection, session_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    query = select(signins).where(signins.c.session_id.in_(session_ids)).order_by(signins.c.created_at, signins.c.id)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (await connection.execute(query)).mappings():
        signin = {"id": row["id"], "user": row["user_id"], "created_at": row["created_at"]}
        found.setdefault(row["session_id"], []).append(signin)
    return found


def _record(table: Table, row: Mapping[str, Any], within: list[dict[str, Any]], *, hashes: bool) -> dict[str, Any]:
    """Return one record: the columns under their fields' names, without those that are empty."""
    fields = {column: field for field, column in COLUMNS.items()} | {"project_id": "project", "member_id": "member"}
    record = {
        fields.get(column, column): value
        for column, value in row.items()
        if value is not None and column not in _SECRET and not column.startswith(("device_", "login_"))
    }
    if table is api_keys:
        del record["organization"]
        if hashes and not row["hash"].startswith("none:"):
            record["stored_hash"] = row["hash"]
    if table is sessions:
        record["device"] = _part(row, "device_", Device.__struct_fields__)
        names = [name for name in Login.__struct_fields__ if hashes or name != "token_hash"]
        record["login"] = _part(row, "login_", names) if row["login_at"] is not None else {}
        record["signins"] = within
    return {name: value for name, value in record.items() if value not in ({}, [])}


def _part(row: Mapping[str, Any], prefix: str, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[prefix + name] for name in names if row[prefix + name] is not None}


def _json(value: object) -> str:
    return _encode(value).decode("utf-8")
