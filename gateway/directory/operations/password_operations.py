"""Passwords of users: set by an operator, and checked where a person signs in by one."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, or_, select, update

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.session_operations import create_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.operations.transaction import changing
from gateway.directory.operations.user_operations import USERS
from gateway.directory.sign_in_tables import passwords
from gateway.directory.tables import sessions, users
from gateway.model.session import Session


class StoredPassword(msgspec.Struct, frozen=True):
    """Whose password it is, and its hash."""

    user_id: str
    hash: str

    def __repr__(self) -> str:
        """Show no hash."""
        return f"StoredPassword({self.user_id})"


async def set_password(
    context: OperationContext, user_id: str, hashed: str | None, *, end_sessions: bool = True
) -> None:
    """Give a user a password by its hash, or none any more, and log the user's sessions out unless told otherwise.

    Whoever changes a password may do so because another one knows it. Raises MissingRecordError.
    """
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
    """Return the password of whoever has this username or e-mail address; None where that is nobody, or several."""
    query = (
        select(users.c.id, passwords.c.hash)
        .join(passwords, passwords.c.user_id == users.c.id)
        .where(or_(users.c.username == login, users.c.email == login))
        .limit(2)
    )
    async with context.directory.reading() as connection:
        rows = (await connection.execute(query)).all()
    return StoredPassword(*rows[0]) if len(rows) == 1 else None


async def keep_rehashed(context: OperationContext, before: StoredPassword, hashed: str) -> None:
    """Store the same password under the parameters of now, unless it was changed meanwhile."""
    known = (passwords.c.user_id == before.user_id, passwords.c.hash == before.hash)
    async with context.directory.changing() as connection:
        await connection.execute(update(passwords).where(*known).values(hash=hashed))


async def sign_in_by_password(context: OperationContext, new: NewSession) -> Session:
    """Open a session for a user whose password was right."""
    issued = await create_session(context, new)
    return Session(subject=new.user, id=issued.session.id, expires_at=issued.session.expires_at)
