"""One noun's table: how its rows are read, named and told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import Page, PageOrder, cursor_after, key_of
from gateway.model.errors import MissingRecordError

ColumnValues = Mapping[str, Any]
"""Column -> value, of one row."""

Condition = ColumnElement[bool]

_COLUMNS = {
    "organization": "organization_id",
    "workspace": "workspace_id",
    "project": "project_id",
    "member": "member_id",
    "user": "user_id",
    "session": "session_id",
    "active_signin": "active_signin_id",
}
"""The column of a field that refers to another row; every other field has its column's name."""

_UNVERSIONED = {"last_activity_at", "hash"}
"""Columns that serving writes: a caller that is active must not make an operator's change outdated."""


class RecordRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what operations return of a row: no secret and no hash. `version` changes with every change of it."""

    id: str
    version: str = ""


RowType = TypeVar("RowType", bound=RecordRow)


def column_of(field: str) -> str:
    """Return the column of a record's field."""
    return _COLUMNS.get(field, field)


def columns_of(record: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that a new record or a change names, as columns; tuples as lists, as JSON has them."""
    fields = msgspec.structs.asdict(record)
    return {
        column_of(name): list(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if value is not msgspec.UNSET
    }


def plain_fields(row: type[RecordRow], values: ColumnValues) -> dict[str, Any]:
    """Return the fields of a row that are columns."""
    fields = {name: values[column] for name in row.__struct_fields__ if (column := column_of(name)) in values}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


class RecordTable(Generic[RowType]):
    """A noun as people write it (`api_key`), its table, and the struct of its rows.

    `fields` returns the struct's fields out of the columns, where they are not simply those.
    """

    def __init__(
        self,
        noun: str,
        table: Table,
        row: type[RowType],
        fields: Callable[[type[RecordRow], ColumnValues], dict[str, Any]] = plain_fields,
    ) -> None:
        self.noun = noun
        self.table = table
        self._row = row
        self._fields = fields

    def row_of(self, values: ColumnValues) -> RowType:
        """Return the row of these columns."""
        return self._row(**self._fields(self._row, values), version=version_of(values))

    async def find(
        self, connection: AsyncConnection, row_id: str, *conditions: Condition, lock: bool = False
    ) -> dict[str, Any] | None:
        """Return the columns of a row that also meets `conditions`; `lock` keeps others from changing it meanwhile."""
        query = select(self.table).where(self.table.c.id == row_id, *conditions)
        found = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
        return dict(found) if found is not None else None

    async def show(self, context: OperationContext, row_id: str, *conditions: Condition) -> RowType:
        """Return one row; raises MissingRecordError."""
        async with context.directory.reading() as connection:
            values = await self.find(connection, row_id, *conditions)
        if values is None:
            raise self.missing(row_id)
        return self.row_of(values)

    async def page(self, context: OperationContext, conditions: list[Condition], order: PageOrder) -> Page[RowType]:
        """Return one page of the rows that meet `conditions`, in the order of their ids."""
        after = key_of(order)
        ids = self.table.c.id
        within = [*conditions, *([ids > after] if after is not None else [])]
        query = select(self.table).where(*within).order_by(ids).limit(order.limit + 1)
        async with context.directory.reading() as connection:
            found = list((await connection.execute(query)).mappings())
        rows = tuple(self.row_of(dict(values)) for values in found[: order.limit])
        return Page(rows, cursor_after(rows[-1].id) if len(found) > order.limit else None)

    def having(self, wanted: msgspec.Struct) -> list[Condition]:
        """Return the conditions of a filter whose fields are columns; its other fields are the caller's."""
        return [
            self.table.c[column] == value
            for name in wanted.__struct_fields__
            if (value := getattr(wanted, name)) is not None and (column := column_of(name)) in self.table.c
        ]

    def missing(self, row_id: str) -> MissingRecordError:
        """Return the error for a row that is not there."""
        return MissingRecordError(f"there is no {row_id} in {self.table.name}")


def version_of(values: ColumnValues) -> str:
    """Return what tells one state of a row from another; a change that sets what was set already makes none."""
    lasting = {name: value for name, value in values.items() if name not in _UNVERSIONED}
    return blake2b(msgspec.json.encode(lasting, order="deterministic"), digest_size=8).hexdigest()
