"""Imports records: all or nothing, in one transaction; the same file again changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.changes import OnChange, call_for_each, changed_targets
from gateway.directory.existing_rows import dangling, existing_rows, misplaced, organizations_of
from gateway.directory.hashing import Peppers
from gateway.directory.record_rows import TableRow, rows_of
from gateway.directory.records_file import RecordsFile, read_records
from gateway.directory.store import Directory
from gateway.directory.tables import METADATA, signins
from gateway.model.errors import RecordsError
from gateway.model.session import RevocationTarget


class LoadedRecords(msgspec.Struct, frozen=True):
    """How many rows of each table the file has, and whose cached answers its import made out of date."""

    rows: dict[str, int]
    changed: tuple[RevocationTarget, ...]


async def load_records(directory: Directory, peppers: Peppers, path: Path, on_change: OnChange) -> LoadedRecords:
    """Import a file: existing rows are replaced, others are added, and only sign-ins are ever deleted.

    `on_change` is called after the commit. Raises RecordsError with every problem, or DirectoryError when the database
    cannot be asked; then nothing has changed.
    """
    file = read_records(path)
    async with directory.changing() as connection:
        existing = await existing_rows(connection, file)
        problems = list(dangling(file, existing))
        if problems:
            raise RecordsError(problems)
        organizations = organizations_of(file, existing)
        problems = list(misplaced(file, existing, organizations))
        if problems:
            raise RecordsError(problems)
        rows = rows_of(file.records, peppers, lambda member: organizations["members", member])
        _keep_later_activity(rows["sessions"], existing["sessions"])
        await _store(connection, file, rows, existing["signins"])
    changed = changed_targets(rows, existing)
    await call_for_each(changed, on_change)
    return LoadedRecords({name: len(table_rows) for name, table_rows in rows.items()}, changed)


def _keep_later_activity(rows: Sequence[TableRow], existing: Mapping[str, TableRow]) -> None:
    """Keep the later of both instants: to import an old file again must not make a session look idle."""
    for row in rows:
        last_activity_at = existing.get(row["id"], {}).get("last_activity_at")
        if last_activity_at is not None and (
            row["last_activity_at"] is None or row["last_activity_at"] < last_activity_at
        ):
            row["last_activity_at"] = last_activity_at


async def _store(
    connection: AsyncConnection,
    file: RecordsFile,
    rows: Mapping[str, Sequence[TableRow]],
    existing_signins: Mapping[str, TableRow],
) -> None:
    """Write the rows, table by table."""
    for signin_id in existing_signins:
        await connection.execute(delete(signins).where(signins.c.id == signin_id))
    for name, table_rows in rows.items():
        if not table_rows:
            continue
        table = METADATA.tables[name]
        statement = table.insert() if table is signins else _upsert(table, connection.dialect.name)
        try:
            await connection.execute(statement, list(table_rows))
        except IntegrityError as clash:
            path = ("sessions",) if table is signins else (name,)
            text = f"another row of {name} in the directory has one of these ids, numbers, names or keys already"
            raise RecordsError([file.document.problem(path, text)]) from clash


def _upsert(table: Table, dialect: str) -> Any:
    """Return an insert that replaces a row of the same id, in the database's SQL."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    replaced = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=[table.c.id], set_=replaced)
