"""Sessions as the people see them whose they are: with all that they refer to, and what they share a login with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.session_rows import SESSIONS
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.rows import stored_session
from gateway.directory.store import JOINED_SESSIONS
from gateway.directory.tables import sessions
from gateway.model.session import Session


async def own_sessions(context: OperationContext, owner: str, limit: int) -> tuple[Session, ...]:
    """Return a user's live sessions without their sign-ins, the last active first."""
    query = (
        JOINED_SESSIONS.where(sessions.c.user_id == owner, live(context))
        .order_by(sessions.c.last_activity_at.desc(), sessions.c.created_at.desc(), sessions.c.id)
        .limit(limit)
    )
    async with context.directory.reading() as connection:
        rows = await connection.execute(query)
        return without_signins(rows)


async def end_own_session(context: OperationContext, session_id: str, owner: str | None = None) -> tuple[str, ...]:
    """Log a live session out, and every other one of its user and login token: that token would open those.

    With an `owner`, only one of that user. Raises MissingRecordError for any other, after one and the same query.
    """
    of_owner = [sessions.c.user_id == owner] if owner is not None else []
    async with changing(context) as transaction:
        before = await transaction.locked(SESSIONS, session_id, live(context), *of_owner)
        return await _close_login(transaction, before)


async def _close_login(transaction: ChangeTransaction, before: dict[str, Any]) -> tuple[str, ...]:
    same = sessions.c.id == before["id"]
    if before["login_token_hash"] is not None:
        of_login = and_(
            sessions.c.user_id == before["user_id"], sessions.c.login_token_hash == before["login_token_hash"]
        )
        same = or_(same, of_login)
    return await close_sessions(transaction, same)


def live(context: OperationContext) -> ColumnElement[bool]:
    """Return the condition that a session is neither closed nor expired."""
    lasting = or_(sessions.c.expires_at.is_(None), sessions.c.expires_at > context.now)
    return and_(sessions.c.closed_at.is_(None), lasting)


def without_signins(rows: Iterable[Any]) -> tuple[Session, ...]:
    """Return the sessions of joined rows, without the sign-ins, which would be another query for each."""
    return tuple(stored_session(row, ()).session for row in rows)
