"""Refresh tokens: each is good once, and one that was used already ends its family (RFC 9700 section 4.14.2).

A family is one row, whatever its age: a token is `rt_SELECTOR.SECRET`, where every token of a family has its selector.
So one of a known family whose secret is not the current one was used before, however long ago, and nothing has to be
kept of all those that were. Of both the row has keyed hashes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.hashing import Peppers
from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.rows import stored_session
from gateway.directory.store import JOINED_SESSIONS
from gateway.directory.stored import StoredSession, judge_session
from gateway.directory.tables import refresh_families, sessions
from gateway.model.errors import ClashError, DirectoryError, MissingRecordError, ReplayedTokenError
from gateway.model.session import Session

_PREFIX = "rt_"
_SELECTOR_BYTES = 16
_SECRET_BYTES = 32
_LONGEST = 256
"""Characters of what is looked at: ours have 69."""


class RefreshCall(msgspec.Struct, frozen=True):
    """A refresh token that was shown.

    `received_at` is when its request came. `raced` says that another request with a token of the same family was under
    way then. `clock` returns the time at which a rotation is written down.
    """

    token: str
    received_at: datetime
    raced: bool
    clock: Callable[[], datetime]

    def __repr__(self) -> str:
        """Show no token."""
        return f"RefreshCall(received_at={self.received_at})"


class Refreshed(msgspec.Struct, frozen=True):
    """The session that a refresh token opens, and the token that replaces it."""

    session: Session
    refresh_token: str

    def __repr__(self) -> str:
        """Show no token."""
        return f"Refreshed({self.session.id})"


async def open_family(
    connection: AsyncConnection, peppers: Peppers, session_id: str, now: datetime, expires_at: datetime
) -> str:
    """Write down a new family of a session, in the caller's transaction; return its first token.

    Families of the session that have expired go.
    """
    over = refresh_families.c.expires_at <= now
    await connection.execute(delete(refresh_families).where(refresh_families.c.session_id == session_id, over))
    selector = token_urlsafe(_SELECTOR_BYTES)
    token = _new_token(selector)
    row = {
        "id": peppers.hash(_family(selector)),
        "session_id": session_id,
        "token_hash": peppers.hash(token),
        "created_at": now,
        "expires_at": expires_at,
    }
    await connection.execute(refresh_families.insert(), row)
    return token


async def issue_refresh_token(context: OperationContext, session_id: str, ttl: float | None = None) -> str:
    """Open a family of a live session, which lasts for `ttl` seconds unless it is used; raises DirectoryError."""
    tokens, peppers = context.required_tokens, context.required_peppers
    stored = await context.directory.session_by_id(session_id)
    if stored is None:
        raise MissingRecordError(f"there is no {session_id} in sessions")
    reason = judge_session(stored, context.now)
    if reason is not None:
        raise DirectoryError(f"the session {session_id} is no good: {reason}")
    expires_at = expiry_of(stored.session.expires_at, context.now, tokens.refresh_ttl if ttl is None else ttl)
    async with context.directory.changing() as connection:
        return await open_family(connection, peppers, session_id, context.now, expires_at)


async def use_refresh_token(context: OperationContext, call: RefreshCall) -> Refreshed:
    """Replace a refresh token by the next one of its family.

    Raises MissingRecordError for a token that is unknown, expired or of a session that is over; and for one that was
    used already, when its session is ended, and its family. Raises ClashError, and ends nothing, for the one before the
    current one where the two were shown at once, or within the leeway.
    """
    selector = selector_of(call.token)
    if not selector:
        raise MissingRecordError("no refresh token")
    async with changing(context) as transaction:
        outcome = await _use(transaction, selector, call)
    if isinstance(outcome, Refreshed):
        return outcome
    raise outcome  # after the commit: what a replay ends is to stay ended


def selector_of(token: str) -> str:
    """Return what all tokens of a family have in common, empty for what is no refresh token."""
    selector, _, secret = token.removeprefix(_PREFIX).partition(".")
    is_one = token.startswith(_PREFIX) and bool(secret) and len(token) <= _LONGEST and token.isascii()
    return selector if is_one else ""


async def _use(
    transaction: ChangeTransaction, selector: str, call: RefreshCall
) -> Refreshed | MissingRecordError | ClashError:
    connection, peppers = transaction.connection, transaction.context.required_peppers
    query = select(refresh_families).where(refresh_families.c.id.in_(peppers.every(_family(selector))))
    found = (await connection.execute(query.with_for_update())).mappings().first()
    if found is None:
        return MissingRecordError("no such refresh token")
    family, hashes = dict(found), peppers.every(call.token)
    if family["token_hash"] not in hashes:
        if family["previous_hash"] in hashes and _was_at_once(transaction, family, call):
            return ClashError("the refresh token was used at the same moment")
        await _end_family(transaction, family)
        return ReplayedTokenError(family["session_id"])
    row = (await connection.execute(JOINED_SESSIONS.where(sessions.c.id == family["session_id"]))).first()
    stored = stored_session(row, ()) if row is not None else None
    now = call.clock()
    if stored is None or family["expires_at"] <= now or judge_session(stored, now) is not None:
        await connection.execute(delete(refresh_families).where(refresh_families.c.id == family["id"]))
        return MissingRecordError("the refresh token is over")
    return await _rotate(transaction, family, selector, stored, now)


async def _rotate(
    transaction: ChangeTransaction, family: dict[str, Any], selector: str, stored: StoredSession, now: datetime
) -> Refreshed:
    peppers, tokens = transaction.context.required_peppers, transaction.context.required_tokens
    token = _new_token(selector)
    columns = {
        "id": peppers.hash(_family(selector)),  # under the pepper in use, as keys that are used
        "token_hash": peppers.hash(token),
        "previous_hash": family["token_hash"],
        "rotated_at": now,
        "expires_at": expiry_of(stored.session.expires_at, now, tokens.refresh_ttl),
    }
    changed = update(refresh_families).where(refresh_families.c.id == family["id"]).values(columns)
    await transaction.connection.execute(changed)
    return Refreshed(stored.session, token)


def _was_at_once(transaction: ChangeTransaction, family: dict[str, Any], call: RefreshCall) -> bool:
    """Tell whether the token was shown again before anybody could have had its successor."""
    leeway = timedelta(seconds=transaction.context.required_tokens.refresh_leeway)
    return call.raced or (family["rotated_at"] is not None and call.received_at <= family["rotated_at"] + leeway)


def expiry_of(session_expires_at: datetime | None, now: datetime, ttl: float) -> datetime:
    """Return when a family that is used now is over, `ttl` seconds from now: no later than its session."""
    expires_at = now + timedelta(seconds=ttl)
    return expires_at if session_expires_at is None else min(expires_at, session_expires_at)


async def _end_family(transaction: ChangeTransaction, family: dict[str, Any]) -> None:
    """End what a thief and the owner of a token both may hold: neither can be told from the other."""
    await close_sessions(transaction, sessions.c.id == family["session_id"])
    await transaction.connection.execute(delete(refresh_families).where(refresh_families.c.id == family["id"]))


def _family(selector: str) -> str:
    return f"family {selector}"


def _new_token(selector: str) -> str:
    return f"{_PREFIX}{selector}.{token_urlsafe(_SECRET_BYTES)}"
