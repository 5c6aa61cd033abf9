"""Logins: the sessions that one login token opened, of which the newest stands for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, func, or_, select

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.owned_sessions import without_signins
from gateway.directory.operations.record_table import Condition
from gateway.directory.operations.session_rows import live
from gateway.directory.store import JOINED_SESSIONS
from gateway.directory.tables import sessions, users
from gateway.model.errors import InvalidRecordError, MissingRecordError
from gateway.model.session import Session

_ORDER: dict[str, ColumnElement[Any]] = {
    "loginAt": sessions.c.login_at,
    "device.name": sessions.c.device_name,
    "device.os.name": sessions.c.device_os_name,
    "device.os.version": sessions.c.device_os_version,
    "_user.name": users.c.name,
    "_user.username": users.c.username,
}
"""What logins are sorted by, in Rocket.Chat's words."""


class LoginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which logins, whose search term holds `text` in any letter case: of one `owner`, or of everybody.

    For everybody's a person's names are searched too. `order` is fields and whether they descend.
    """

    owner: str | None
    text: str = ""
    offset: int = 0
    count: int = 50
    order: Sequence[tuple[str, bool]] = ()


async def list_logins(context: OperationContext, wanted: LoginQuery) -> tuple[tuple[Session, ...], int]:
    """Return a page of logins, and how many there are in all; raises InvalidRecordError for an unknown order."""
    newest = _newest(context, wanted)
    rows = JOINED_SESSIONS.where(sessions.c.id.in_(newest)).order_by(*_order(wanted), sessions.c.id)
    total = select(func.count()).select_from(newest.subquery())
    async with context.directory.reading() as connection:
        found = await connection.execute(rows.offset(wanted.offset).limit(wanted.count))
        return without_signins(found), int(await connection.scalar(total) or 0)


async def show_login(context: OperationContext, session_id: str) -> Session:
    """Return anybody's live session that a login token opened; raises MissingRecordError."""
    query = JOINED_SESSIONS.where(sessions.c.id == session_id, *of_logins(context))
    async with context.directory.reading() as connection:
        found = without_signins(await connection.execute(query))
    if not found:
        raise MissingRecordError(f"there is no login {session_id}")
    return found[0]


def of_logins(context: OperationContext) -> tuple[Condition, ...]:
    """Return the conditions of live sessions that a login token opened."""
    return sessions.c.login_token_hash.is_not(None), live(context)


def _newest(context: OperationContext, wanted: LoginQuery) -> Select[Any]:
    """Select the ids of the newest session of each login token."""
    place = func.row_number().over(
        partition_by=(sessions.c.user_id, sessions.c.login_token_hash),
        order_by=(sessions.c.login_at.desc(), sessions.c.id),
    )
    numbered = select(sessions.c.id, place.label("place")).select_from(
        sessions.outerjoin(users, users.c.id == sessions.c.user_id)
    )
    numbered = numbered.where(*of_logins(context), sessions.c.user_id.is_not(None))
    if wanted.owner is not None:
        numbered = numbered.where(sessions.c.user_id == wanted.owner)
    if wanted.text:
        numbered = numbered.where(_holds(wanted))
    ranked = numbered.subquery()
    return select(ranked.c.id).where(ranked.c.place == 1)


def _holds(wanted: LoginQuery) -> ColumnElement[bool]:
    """Return the condition that the search term holds the text; without one it is made as the product makes it."""
    made = (
        sessions.c.device_name,
        sessions.c.device_type,
        sessions.c.device_os_name,
        sessions.c.id,
        sessions.c.user_id,
    )
    term = func.coalesce(sessions.c.login_search_term, _joined(made))
    searched = [term, *((users.c.name, users.c.username) if wanted.owner is None else ())]
    text = wanted.text.lower()
    return or_(*(func.lower(each).contains(text, autoescape=True) for each in searched))


def _joined(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    first, *others = (func.coalesce(column, "") for column in columns)
    joined: ColumnElement[Any] = first
    for each in others:
        joined = joined.concat(each)
    return joined


def _order(wanted: LoginQuery) -> list[ColumnElement[Any]]:
    try:
        return [
            (_ORDER[field].desc() if descending else _ORDER[field].asc()).nulls_last()
            for field, descending in wanted.order
        ]
    except KeyError:
        raise InvalidRecordError("order: is by no such field") from None
