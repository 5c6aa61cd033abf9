"""One change of the directory: its rows and their audit entries are written together, then it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.changes import target_of
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.record_fields import ExpectedVersion
from gateway.directory.operations.record_table import (
    ColumnValues,
    Condition,
    RecordTable,
    RowType,
    version_of,
)
from gateway.directory.tables import audit_entries
from gateway.model.errors import ClashError, DirectoryError, InvalidRecordError, OutdatedError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor

_FOREIGN_KEY_STATE = "23503"
"""PostgreSQL's SQLSTATE of a violated foreign key (manual, appendix A)."""

_NUMBERS_LOCK = 0x67772D6E756D
"""The advisory lock of whoever draws the next number: "gw-num" in ASCII."""


class ChangedRow(msgspec.Struct, frozen=True):
    """A row that was changed, as it is audited."""

    noun: str
    id: str
    operation: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangeTransaction:
    """Changes rows, and remembers what has to be audited and told."""

    def __init__(self, context: OperationContext, connection: AsyncConnection) -> None:
        self.connection = connection
        self.context = context
        self.targets: dict[RevocationTarget, bool] = {}
        self.notes: list[ChangedRow] = []

    def tell(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Call `on_change` with `target` after the commit; `ended` if it is never valid again."""
        self.targets[target] = ended or self.targets.get(target, False)

    async def locked(
        self, table: RecordTable[Any], row_id: str, *conditions: Condition, expected: ExpectedVersion | None = None
    ) -> dict[str, Any]:
        """Return the columns of a row that nobody else changes until the end of this transaction.

        Raises MissingRecordError, and OutdatedError where its version is not what is `expected`.
        """
        values = await table.find(self.connection, row_id, *conditions, lock=True)
        if values is None:
            raise table.missing(row_id)
        versions = {expected} if isinstance(expected, str) else expected
        if versions is not None and version_of(values) not in versions:
            raise OutdatedError(f"{table.noun} {row_id} was changed meanwhile: read it again")
        return values

    async def require(self, table: Table, row_id: str | None, field: str) -> None:
        """Raise InvalidRecordError if `field` refers to a row that is not there."""
        if row_id is None:
            return
        if await self.connection.scalar(select(table.c.id).where(table.c.id == row_id)) is None:
            raise InvalidRecordError(f"{field}: there is no {row_id} in {table.name}")

    async def next_number(self, table: Table) -> int:
        """Return the next free `auto_id`; nobody else gets it before the end of this transaction."""
        if self.connection.dialect.name == "postgresql":
            await self.connection.execute(select(func.pg_advisory_xact_lock(_NUMBERS_LOCK)))
        return int(await self.connection.scalar(select(func.coalesce(func.max(table.c.auto_id), 0) + 1)) or 1)

    async def insert(self, table: RecordTable[RowType], columns: ColumnValues) -> RowType:
        """Write a new row; raises ClashError."""
        values = {column.name: columns.get(column.name) for column in table.table.columns}
        try:
            await self.connection.execute(table.table.insert(), values)
        except IntegrityError as clash:
            raise _clash(table, columns["id"], clash) from clash
        row = table.row_of(values)
        self.note(table, "created", None, values)
        return row

    async def update(
        self, table: RecordTable[RowType], before: ColumnValues, columns: ColumnValues, operation: str = "changed"
    ) -> RowType:
        """Set columns of a locked row; nothing is written, audited or told where they are set already."""
        changed = {name: value for name, value in columns.items() if before[name] != value}
        after = {**before, **changed}
        if not changed:
            return table.row_of(after)
        if "updated_at" in before:
            changed["updated_at"] = after["updated_at"] = self.context.now
        try:
            await self.connection.execute(update(table.table).where(table.table.c.id == before["id"]).values(changed))
        except IntegrityError as clash:
            raise _clash(table, before["id"], clash) from clash
        self.note(table, operation, before, after)
        return table.row_of(after)

    async def delete(self, table: RecordTable[Any], before: ColumnValues) -> None:
        """Delete a locked row, and what hangs on it."""
        await self.connection.execute(delete(table.table).where(table.table.c.id == before["id"]))
        self.note(table, "deleted", before, None)

    async def write_audit(self) -> None:
        """Write an entry for each row that was changed."""
        if self.notes:
            entries = entries_of(self.notes, self.context.actor, self.context.now)
            await self.connection.execute(audit_entries.insert(), entries)

    def note(
        self,
        table: RecordTable[Any],
        operation: str,
        before: ColumnValues | None,
        after: ColumnValues | None,
        *,
        ended: bool = False,
    ) -> None:
        """Remember a change of one row: for the audit, and for whoever caches what the row was."""
        row = before if before is not None else after or {}
        self.notes.append(ChangedRow(table.noun, row["id"], operation, audited(table, before), audited(table, after)))
        target = target_of(table.table.name, row) if before is not None else None
        if target is not None:
            self.tell(target, ended=ended)


@asynccontextmanager
async def changing(context: OperationContext) -> AsyncIterator[ChangeTransaction]:
    """Open a transaction; at its end everything is committed, audited and told, after an error nothing is."""
    async with context.directory.changing() as connection:
        transaction = ChangeTransaction(context, connection)
        yield transaction
        await transaction.write_audit()
    for row in transaction.notes:
        context.audit.changed(context.actor, (row.noun, row.id), row.operation, row.before, row.after)
    for target, ended in transaction.targets.items():
        await context.on_change(target, ended=ended)


def entries_of(rows: Iterable[ChangedRow], actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Return the audit entries of rows that were changed."""
    who = {
        "at": now,
        "way_in": actor.by,
        "actor_user": actor.user or None,
        "actor_credential": actor.credential or None,
        "client": actor.client or None,
        "request_id": actor.request_id or None,
    }
    return [
        {
            **who,
            "operation": row.operation,
            "kind": row.noun,
            "record_id": row.id,
            "before": row.before,
            "after": row.after,
        }
        for row in rows
    ]


def audited(table: RecordTable[Any], values: ColumnValues | None) -> dict[str, Any] | None:
    """Return a row as JSON, with what operations return of it: no secret, no hash."""
    if values is None:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(table.row_of(values))
    del fields["version"]
    return fields


def _clash(table: RecordTable[Any], row_id: str, fault: IntegrityError) -> DirectoryError:
    """Return the error in words, without the driver's text, which quotes values."""
    state = getattr(fault.orig, "sqlstate", None)
    if state == _FOREIGN_KEY_STATE or "FOREIGN KEY" in str(fault.orig):
        return ClashError(f"{table.noun} {row_id}: what it refers to was deleted at the same moment")
    unique = [column.name for column in table.table.columns if column.unique or column.primary_key]
    pairs = {"members": "organization and user"}.get(table.table.name)
    names = " or ".join([*(name for name in unique if name != "hash"), *([pairs] if pairs else [])])
    return ClashError(f"{table.noun} {row_id}: another one has this {names}")
