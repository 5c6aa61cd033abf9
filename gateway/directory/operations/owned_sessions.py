"""Sessions as the people see them whose they are: with all that they refer to, and what they share a login with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.record_table import ColumnValues
from gateway.directory.operations.session_rows import SESSIONS, live
from gateway.directory.operations.transaction import changing
from gateway.directory.rows import stored_session
from gateway.directory.store import JOINED_SESSIONS
from gateway.directory.tables import sessions
from gateway.model.session import Session


async def own_sessions(context: OperationContext, owner: str, limit: int) -> tuple[Session, ...]:
    """Return a user's live sessions without their sign-ins, the last active first."""
    query = (
        JOINED_SESSIONS.where(sessions.c.user_id == owner, live(context))
        .order_by(sessions.c.last_activity_at.desc().nulls_last(), sessions.c.created_at.desc(), sessions.c.id)
        .limit(limit)
    )
    async with context.directory.reading() as connection:
        rows = await connection.execute(query)
        return without_signins(rows)


async def end_own_session(
    context: OperationContext, session_id: str, owner: str | None = None, *, of_login: bool = False
) -> tuple[str, ...]:
    """Log a live session out, and every other one of its user and login token: that token would open those.

    With an `owner`, only one of that user; where `of_login`, only one that a login token opened. Raises
    MissingRecordError for any other, after one and the same query.
    """
    conditions = [live(context)]
    if owner is not None:
        conditions.append(sessions.c.user_id == owner)
    if of_login:
        conditions.append(sessions.c.login_token_hash.is_not(None))
    async with changing(context) as transaction:
        before = await transaction.locked(SESSIONS, session_id, *conditions)
        return await close_sessions(transaction, _of_one_login(before))


async def end_other_sessions(context: OperationContext, owner: str, keep: str) -> tuple[str, ...]:
    """Log out every session of a user but one, and those that the login token of that one opens as well.

    Raises MissingRecordError where the one to keep is over.
    """
    async with changing(context) as transaction:
        own = await transaction.locked(SESSIONS, keep, live(context), sessions.c.user_id == owner)
        return await close_sessions(transaction, sessions.c.user_id == owner, not_(_of_one_login(own)))


def _of_one_login(values: ColumnValues) -> ColumnElement[bool]:
    """Return the condition that a session is this one, or of the same user and login token."""
    same: ColumnElement[bool] = sessions.c.id == values["id"]
    token_hash = values["login_token_hash"]
    if token_hash is None:
        return same
    of_token = and_(sessions.c.login_token_hash.is_not(None), sessions.c.login_token_hash == token_hash)
    return or_(same, and_(sessions.c.user_id == values["user_id"], of_token))


def without_signins(rows: Iterable[Any]) -> tuple[Session, ...]:
    """Return the sessions of joined rows, without the sign-ins, which would be another query for each."""
    return tuple(stored_session(row, ()).session for row in rows)
