"""Imports records: all or nothing, in one transaction; the same file again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.changes import OnChange, call_for_each, changed_targets
from gateway.directory.existing_rows import ExistingRows, dangling, existing_rows, misplaced, organizations_of
from gateway.directory.hashing import Peppers
from gateway.directory.named_columns import completed, defaults_of, merged
from gateway.directory.operations.nouns import NOUNS
from gateway.directory.operations.transaction import ChangedRow, audited, entries_of
from gateway.directory.record_rows import TableRow, rows_of
from gateway.directory.records_file import RecordsFile, read_records
from gateway.directory.store import Directory
from gateway.directory.tables import METADATA, api_keys, audit_entries, projects, signins
from gateway.model.errors import RecordsError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor

_TABLES = {noun.table.table.name: noun.table for noun in NOUNS.values()}

Rows = dict[str, list[TableRow]]
"""Table -> its rows, in an order in which each row comes after those it refers to."""


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Who loads, and how: `replace` empties what a record does not name, `dry_run` changes nothing.

    `on_table` is told what is written now.
    """

    actor: Actor = Actor("command")
    now: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    replace: bool = False
    dry_run: bool = False
    on_table: Callable[[str], None] = lambda _: None


class LoadedRecords(msgspec.Struct, frozen=True):
    """How many rows of each table the file has, which of them are new or other than before, and whom that touches."""

    rows: dict[str, int]
    changed: tuple[RevocationTarget, ...]
    differences: tuple[ChangedRow, ...] = ()


async def load_records(
    directory: Directory, peppers: Peppers, path: Path, on_change: OnChange, options: LoadOptions | None = None
) -> LoadedRecords:
    """Import a file: of existing rows what a record names is changed, others are added, only sign-ins are deleted.

    `on_change` is called after the commit. Raises RecordsError with every problem, or DirectoryError when the database
    cannot be asked; then nothing has changed.
    """
    how = options or LoadOptions()
    file = read_records(path)
    async with directory.reading() if how.dry_run else directory.changing() as connection:
        existing = await existing_rows(connection, file)
        _require_sound(file, existing)
        organizations = organizations_of(file, existing)
        rows = rows_of(file.records, peppers, lambda member: organizations["members", member])
        existing = _within(file, existing, replace=how.replace)
        rows = await _completed(connection, file, rows, existing, how)
        _keep_later_activity(rows["sessions"], existing["sessions"])
        differences = tuple(_differences(rows, existing))
        if not how.dry_run:
            await _store(connection, file, rows, existing, how.on_table)
            if differences:
                await connection.execute(audit_entries.insert(), entries_of(differences, how.actor, how.now))
    changed = changed_targets(rows, existing)
    if not how.dry_run:
        await call_for_each(changed, on_change)
    return LoadedRecords({name: len(table_rows) for name, table_rows in rows.items()}, changed, differences)


def _require_sound(file: RecordsFile, existing: ExistingRows) -> None:
    """Raise RecordsError with every reference to nothing, else with every one into another organization."""
    problems = list(dangling(file, existing)) or list(misplaced(file, existing, organizations_of(file, existing)))
    if problems:
        raise RecordsError(problems)


def _within(file: RecordsFile, existing: ExistingRows, *, replace: bool) -> ExistingRows:
    """Return the existing rows without the sign-ins of sessions whose record does not name them."""
    named = {session.id for session in file.records.sessions if replace or "signins" in session.model_fields_set}
    return {
        **existing,
        "signins": {row_id: row for row_id, row in existing["signins"].items() if row["session_id"] in named},
    }


async def _completed(
    connection: AsyncConnection, file: RecordsFile, rows: Rows, existing: ExistingRows, how: LoadOptions
) -> Rows:
    """Return whole rows: what a record does not say is as it was, or by default."""
    numbers = {table.name: await _last_number(connection, table, rows) for table in (projects, api_keys)}
    whole: Rows = {}
    for name, table_rows in rows.items():
        whole[name] = []
        for record, row in zip(getattr(file.records, name, ()) or [None] * len(table_rows), table_rows, strict=True):
            before = existing[name].get(row["id"])
            if before is not None and record is not None and not how.replace:
                row = merged(record, row, before)  # noqa: PLW2901 - the row as it will be
            if name in numbers:
                numbers[name] += 1
            whole[name].append(completed(name, row, before, defaults_of(name, row, how.now, numbers.get(name, 0))))
    return whole


async def _last_number(connection: AsyncConnection, table: Table, rows: Rows) -> int:
    stored = await connection.scalar(select(func.coalesce(func.max(table.c.auto_id), 0)))
    return max(int(stored or 0), *(row["auto_id"] or 0 for row in rows[table.name]), 0)


def _keep_later_activity(rows: Sequence[TableRow], existing: Mapping[str, TableRow]) -> None:
    """Keep the later of both instants: to import an old file again must not make a session look idle."""
    for row in rows:
        last_activity_at = existing.get(row["id"], {}).get("last_activity_at")
        if last_activity_at is not None and (
            row["last_activity_at"] is None or row["last_activity_at"] < last_activity_at
        ):
            row["last_activity_at"] = last_activity_at


def _differences(rows: Rows, existing: ExistingRows) -> Iterable[ChangedRow]:
    """Yield what is new, changed or deleted, as it is audited."""
    for name, table_rows in rows.items():
        table = _TABLES[name]
        for row in table_rows:
            before = existing[name].get(row["id"])
            if before != row:
                operation = "created" if before is None else "changed"
                yield ChangedRow(table.noun, row["id"], operation, audited(table, before), audited(table, row))
    left = {row["id"] for row in rows["signins"]}
    for row_id, row in existing["signins"].items():
        if row_id not in left:
            yield ChangedRow("signin", row_id, "deleted", audited(_TABLES["signins"], row), None)


async def _store(
    connection: AsyncConnection,
    file: RecordsFile,
    rows: Rows,
    existing: ExistingRows,
    on_table: Callable[[str], None],
) -> None:
    """Write the rows that are new or changed, table by table."""
    for signin_id in existing["signins"]:
        await connection.execute(delete(signins).where(signins.c.id == signin_id))
    for name, table_rows in rows.items():
        table = METADATA.tables[name]
        due = table_rows if table is signins else [row for row in table_rows if existing[name].get(row["id"]) != row]
        if not due:
            continue
        on_table(f"writing {len(due)} {name}")
        statement = table.insert() if table is signins else _upsert(table, connection.dialect.name)
        try:
            await connection.execute(statement, due)
        except IntegrityError as clash:
            path = ("sessions",) if table is signins else (name,)
            text = f"another row of {name} in the directory has one of these ids, numbers, names or keys already"
            raise RecordsError([file.document.problem(path, text)]) from clash


def _upsert(table: Table, dialect: str) -> Any:
    """Return an insert that replaces a row of the same id, in the database's SQL."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    replaced = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=[table.c.id], set_=replaced)
