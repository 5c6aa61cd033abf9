"""Closing sessions: what every operation does with the sessions of what it ends."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from gateway.directory.operations.record_table import ColumnValues, Condition
from gateway.directory.operations.session_rows import SESSIONS
from gateway.directory.operations.transaction import ChangeTransaction
from gateway.directory.stored import CLOSED
from gateway.directory.tables import sessions


async def close_sessions(transaction: ChangeTransaction, *conditions: Condition) -> tuple[str, ...]:
    """Close the live sessions that meet `conditions`; return their ids. The instant of an earlier logout stays."""
    live = (sessions.c.closed_at.is_(None), *conditions)
    query = select(sessions).where(*live).order_by(sessions.c.id).with_for_update()
    found = [dict(row) for row in (await transaction.connection.execute(query)).mappings()]
    if found:
        await _close(transaction, found, *live)
    return tuple(before["id"] for before in found)


async def close_session(transaction: ChangeTransaction, before: ColumnValues) -> ColumnValues:
    """Close one session, whose row is locked; return its columns from now on: those of an earlier logout stay."""
    if before["closed_at"] is not None:
        return before
    return {**before, **await _close(transaction, [before], sessions.c.id == before["id"])}


async def _close(transaction: ChangeTransaction, found: Sequence[ColumnValues], *rows: Condition) -> ColumnValues:
    """Close what was found, which the conditions `rows` name; return what that sets."""
    now = transaction.context.now
    closed = {"closed_at": now, "updated_at": now, "state": CLOSED}
    await transaction.connection.execute(update(sessions).where(*rows).values(closed))
    for before in found:
        transaction.note(SESSIONS, "ended", before, {**before, **closed}, ended=True)
    return closed
