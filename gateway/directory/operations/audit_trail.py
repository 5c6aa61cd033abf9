"""The audit table: one entry for each row that was changed, written with it in one transaction, and never again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder, cursor_after, key_of
from gateway.directory.operations.record_fields import Moment
from gateway.directory.tables import audit_entries
from gateway.model.errors import InvalidRecordError


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done to the row `id` of a `kind`, by whom, and the row before and after, without secrets.

    `by` is the way in, `user` the person and `credential` what was shown; see `Actor`. Numbers grow.
    """

    number: int
    at: datetime
    operation: str
    kind: str
    id: str
    by: str
    user: str | None = None
    credential: str | None = None
    client: str | None = None
    request_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries to list: all that have every field that is given; `user` is who did it."""

    kind: str | None = None
    id: str | None = None
    user: str | None = None
    operation: str | None = None
    since: Moment | None = None
    until: Moment | None = None


_COLUMNS = {"id": "record_id", "by": "way_in", "user": "actor_user", "credential": "actor_credential"}
"""The column of a field; every other has its column's name."""


async def list_audit(context: OperationContext, wanted: AuditFilter, order: PageOrder = FIRST_PAGE) -> Page[AuditEntry]:
    """Return a page of entries, the newest first; raises InvalidRecordError for a place that no page begins at."""
    columns = audit_entries.c
    conditions = [
        columns[_COLUMNS.get(name, name)] == value
        for name in ("kind", "id", "user", "operation")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.since is not None:
        conditions.append(columns.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(columns.at < wanted.until)
    before = key_of(order)
    if before is not None:
        if not before.isdecimal():
            raise InvalidRecordError("cursor: is not one of this list")
        conditions.append(columns.number < int(before))
    query = select(audit_entries).where(*conditions).order_by(columns.number.desc()).limit(order.limit + 1)
    async with context.directory.reading() as connection:
        found = list((await connection.execute(query)).mappings())
    names = AuditEntry.__struct_fields__
    entries = tuple(AuditEntry(**{name: row[_COLUMNS.get(name, name)] for name in names}) for row in found)
    page = entries[: order.limit]
    return Page(page, cursor_after(str(page[-1].number)) if len(entries) > order.limit else None)
