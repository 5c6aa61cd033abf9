"""The directory's database: the questions that a look-up asks of it.

One query answers for a key, two for a session, whatever they refer to.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.directory.engine import file_of, open_engine
from gateway.directory.revoking import mark_ended
from gateway.directory.rows import stored_key, stored_session
from gateway.directory.stored import StoredKey, StoredSession
from gateway.directory.tables import (
    api_keys,
    members,
    organizations,
    projects,
    sessions,
    signins,
    users,
    workspaces,
)
from gateway.model.errors import DirectoryError, GatewayError
from gateway.model.session import RevocationTarget

_KEYS = select(api_keys, organizations, projects, members, users).select_from(
    api_keys.outerjoin(organizations, organizations.c.id == api_keys.c.organization_id)
    .outerjoin(projects, projects.c.id == api_keys.c.project_id)
    .outerjoin(members, members.c.id == api_keys.c.member_id)
    .outerjoin(users, users.c.id == members.c.user_id)
)

_SESSIONS = select(sessions, organizations, workspaces, members, users).select_from(
    sessions.outerjoin(organizations, organizations.c.id == sessions.c.organization_id)
    .outerjoin(workspaces, workspaces.c.id == sessions.c.workspace_id)
    .outerjoin(users, users.c.id == sessions.c.user_id)
    .outerjoin(
        members,
        and_(members.c.organization_id == sessions.c.organization_id, members.c.user_id == sessions.c.user_id),
    )
)


class Directory:
    """An open directory. Every method raises DirectoryError when the database cannot be asked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str, *, connections: int = 5) -> Directory:
        """Open `sqlite:///FILE` or `postgresql://...`; see `open_engine`."""
        return cls(open_engine(url, connections=connections))

    def exists(self) -> bool:
        """Tell whether there is a database to ask; False for a SQLite file that nobody has made yet.

        To connect would make an empty one, which hides a mistyped path behind a directory that knows nobody.
        """
        path = file_of(self._engine)
        return path is None or path.exists()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Hand out a connection to read on; whatever the driver raises becomes a DirectoryError."""
        async with _told(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Hand out a connection in one transaction: committed at the end, rolled back by any error.

        SQLite's driver begins by itself, at the first row that is written: what was read before may be old by then, and
        tables that were made stay though the rest fails. So it is told to begin, as the only writer.
        """
        async with _told(), self._engine.begin() as connection:
            if file_of(self._engine) is not None:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        """Return the key that is stored under one of `hashes`, deleted ones included."""
        async with self.reading() as connection:
            row = (await connection.execute(_KEYS.where(api_keys.c.hash.in_(hashes)))).first()
        return None if row is None else stored_key(row)

    async def rehash_key(self, old: str, new: str) -> None:
        """Store a key under another hash: that of the pepper in use."""
        async with self.changing() as connection:
            await connection.execute(update(api_keys).where(api_keys.c.hash == old).values(hash=new))

    async def session_by_id(self, session_id: str) -> StoredSession | None:
        """Return the session of this id, ended ones included."""
        return await self._session(_SESSIONS.where(sessions.c.id == session_id))

    async def session_by_login(self, user_id: str, token_hash: str) -> StoredSession | None:
        """Return the user's session that this login token opened; a live one before an ended one, the newest first.

        What the database compares is a hash, so its timing says nothing about a token. The second comparison is for
        databases whose own takes upper and lower case for one.
        """
        found = await self._session(
            _SESSIONS.where(sessions.c.user_id == user_id, sessions.c.login_token_hash == token_hash)
            .order_by(sessions.c.closed_at.is_not(None), sessions.c.login_at.desc(), sessions.c.id)
            .limit(1)
        )
        login = found.session.login if found is not None else None
        if login is None or not hmac.compare_digest(login.token_hash or "", token_hash):
            return None
        return found

    async def note_activity(self, session_id: str, at: datetime) -> None:
        """Note that a session was in use; what was noted later stays."""
        earlier = or_(sessions.c.last_activity_at.is_(None), sessions.c.last_activity_at < at)
        async with self.changing() as connection:
            await connection.execute(
                update(sessions).where(sessions.c.id == session_id, earlier).values(last_activity_at=at)
            )

    async def mark_ended(self, ended: RevocationTarget, now: datetime) -> int:
        """Mark the rows of what is ended before its time; return how many were live until then."""
        async with self.changing() as connection:
            return await mark_ended(connection, ended, now)

    async def close(self) -> None:
        """Give back every connection."""
        await self._engine.dispose()

    async def _session(self, query: Select[tuple[object, ...]]) -> StoredSession | None:
        async with self.reading() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            session_id = row._mapping[sessions.c.id]  # noqa: SLF001 - public in spite of its name
            in_order = (
                select(signins).where(signins.c.session_id == session_id).order_by(signins.c.created_at, signins.c.id)
            )
            return stored_session(row, await connection.execute(in_order))


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Map foreign errors at the border. The text names the kind alone: a driver's own may quote what was looked up."""
    try:
        yield
    except GatewayError:
        raise
    except Exception as fault:
        # Everything: drivers raise errors of their own before SQLAlchemy can wrap them (a wrong password, no route).
        raise DirectoryError(f"the directory cannot be asked: {_kind(fault)}") from fault


def _kind(fault: Exception) -> str:
    """Return the name of the driver's own error, which says more than the one that SQLAlchemy sorts it under."""
    own = fault.orig if isinstance(fault, DBAPIError) else None
    return type(fault if own is None else own.__cause__ or own).__name__
