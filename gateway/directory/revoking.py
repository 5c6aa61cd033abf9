"""Marks the rows of what is ended before its time, so that it stays ended when nobody remembers the revocation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.stored import CLOSED
from gateway.directory.tables import api_keys, members, sessions
from gateway.model.session import RevocationKind, RevocationTarget


async def mark_ended(connection: AsyncConnection, ended: RevocationTarget, now: datetime) -> int:
    """Close the sessions and delete the keys that `ended` stands for; return how many rows were live until then.

    A user's and an organization's later sessions and keys are not touched: what is ended is what there was. An id that
    the directory does not know is no error, since it may be a foreign authority's.
    """
    return await _close_sessions(connection, ended, now) + await _delete_keys(connection, ended, now)


async def _close_sessions(connection: AsyncConnection, ended: RevocationTarget, now: datetime) -> int:
    wanted: dict[RevocationKind, ColumnElement[bool]] = {
        RevocationKind.SESSION: sessions.c.id == ended.id,
        RevocationKind.USER: sessions.c.user_id == ended.id,
        RevocationKind.ORGANIZATION: sessions.c.organization_id == ended.id,
    }
    closing = update(sessions).where(sessions.c.closed_at.is_(None), wanted.get(ended.kind, false()))
    closed: Any = await connection.execute(closing.values(closed_at=now, updated_at=now, state=CLOSED))
    return int(closed.rowcount)


async def _delete_keys(connection: AsyncConnection, ended: RevocationTarget, now: datetime) -> int:
    # A key's caller is known to upstreams by the id of its member (DESIGN section 7), so that id ends it too.
    of_user = select(members.c.id).where(or_(members.c.user_id == ended.id, members.c.id == ended.id))
    wanted: dict[RevocationKind, ColumnElement[bool]] = {
        RevocationKind.API_KEY: api_keys.c.id == ended.id,
        RevocationKind.USER: api_keys.c.member_id.in_(of_user),
        RevocationKind.ORGANIZATION: api_keys.c.organization_id == ended.id,
    }
    deleting = update(api_keys).where(api_keys.c.deleted_at.is_(None), wanted.get(ended.kind, false()))
    deleted: Any = await connection.execute(deleting.values(deleted_at=now, updated_at=now))
    return int(deleted.rowcount)
