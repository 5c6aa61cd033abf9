"""Passwords of users: set by an operator, and checked where a person signs in by one."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import delete, or_, select, update

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.transaction import changing
from gateway.directory.operations.user_operations import USERS
from gateway.directory.password_hashing import NewPasswords
from gateway.directory.sign_in_tables import passwords
from gateway.directory.tables import sessions, users

_MOST_OF_ONE_NAME = 8
"""Users of one name that are told apart by its letter case; of more none signs in by it."""


class StoredPassword(msgspec.Struct, frozen=True):
    """Whose password it is, its hash, and when it was set."""

    user_id: str
    hash: str
    set_at: datetime

    def __repr__(self) -> str:
        """Show no hash."""
        return f"StoredPassword({self.user_id})"


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user's new password, null for none any more, and whether the sessions of the user end with the old one.

    Whoever changes a password may do so because another one knows it.
    """

    password: str | None
    end_sessions: bool = True

    def __repr__(self) -> str:
        """Show no password."""
        return f"PasswordChange(end_sessions={self.end_sessions})"


async def change_password(
    context: OperationContext, passwords: NewPasswords, user_id: str, change: PasswordChange
) -> None:
    """Give a user a password, or take it away; raises InvalidRecordError for one that cannot be."""
    hashed = None if change.password is None else await passwords.hash(change.password)
    await set_password(context, user_id, hashed, end_sessions=change.end_sessions)


async def set_password(
    context: OperationContext, user_id: str, hashed: str | None, *, end_sessions: bool = True
) -> None:
    """Give a user a password by its hash, or none any more; raises MissingRecordError."""
    async with changing(context) as transaction:
        before = await transaction.locked(USERS, user_id)
        await transaction.connection.execute(delete(passwords).where(passwords.c.user_id == user_id))
        if hashed is not None:
            row = {"user_id": user_id, "hash": hashed, "updated_at": context.now}
            await transaction.connection.execute(passwords.insert(), row)
        transaction.note(USERS, "password set" if hashed is not None else "password removed", before, before)
        if end_sessions:
            await close_sessions(transaction, sessions.c.user_id == user_id)


async def password_of(context: OperationContext, login: str) -> StoredPassword | None:
    """Return the password of whoever has this username or e-mail address; None where that is nobody, or several.

    Where nobody has the name as it was typed, it is looked for in small letters: keyboards begin with a capital.
    """
    if "\0" in login:  # PostgreSQL knows no such text
        return None
    spellings = {login, login.lower()}
    query = (
        select(users.c.id, passwords.c.hash, passwords.c.updated_at, users.c.username, users.c.email)
        .join(passwords, passwords.c.user_id == users.c.id)
        .where(or_(users.c.username.in_(spellings), users.c.email.in_(spellings)))
        .limit(_MOST_OF_ONE_NAME)
    )
    async with context.directory.reading() as connection:
        rows = (await connection.execute(query)).all()
    matches = [row for row in rows if login in {row.username, row.email}] or rows
    if len(rows) == _MOST_OF_ONE_NAME or len(matches) != 1:
        return None
    return StoredPassword(matches[0].id, matches[0].hash, matches[0].updated_at)


async def is_set_still(context: OperationContext, before: StoredPassword) -> bool:
    """Tell whether a password was neither changed nor taken away meanwhile; one that was rehashed is the same."""
    query = select(passwords.c.updated_at).where(passwords.c.user_id == before.user_id)
    async with context.directory.reading() as connection:
        return bool((await connection.execute(query)).scalar() == before.set_at)


async def keep_rehashed(context: OperationContext, before: StoredPassword, hashed: str) -> None:
    """Store the same password under the parameters of now, unless it was changed meanwhile."""
    known = (passwords.c.user_id == before.user_id, passwords.c.hash == before.hash)
    async with context.directory.changing() as connection:
        await connection.execute(update(passwords).where(*known).values(hash=hashed))
