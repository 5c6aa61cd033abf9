"""The directory's database: the queries of a look-up and of a revocation.

One query answers for a key, two for a session, whatever they refer to.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import override

from gateway.directory.database_faults import is_odd_question, words_of_fault
from gateway.directory.database_url import DatabaseUrl, SqliteFile
from gateway.directory.engine import open_engine, read_url
from gateway.directory.rows import stored_key, stored_session
from gateway.directory.stored import Store, StoredKey, StoredSession
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
from gateway.model.errors import DatabaseError, GatewayError, OddQuestionError

WriteAlso = Callable[[AsyncConnection], Awaitable[None]]

_KEYS = select(api_keys, organizations, projects, members, users).select_from(
    api_keys.outerjoin(organizations, organizations.c.id == api_keys.c.organization_id)
    .outerjoin(projects, projects.c.id == api_keys.c.project_id)
    .outerjoin(members, members.c.id == api_keys.c.member_id)
    .outerjoin(users, users.c.id == members.c.user_id)
)

JOINED_SESSIONS = select(sessions, organizations, workspaces, members, users).select_from(
    sessions.outerjoin(organizations, organizations.c.id == sessions.c.organization_id)
    .outerjoin(workspaces, workspaces.c.id == sessions.c.workspace_id)
    .outerjoin(users, users.c.id == sessions.c.user_id)
    .outerjoin(
        members,
        and_(members.c.organization_id == sessions.c.organization_id, members.c.user_id == sessions.c.user_id),
    )
)
"""Sessions with the rows that they refer to, for `rows.stored_session`."""


class Directory(Store):
    """An open directory. Every method raises DirectoryError when the database cannot be asked."""

    def __init__(self, engine: AsyncEngine, database: DatabaseUrl, also: WriteAlso | None = None) -> None:
        self._engine = engine
        self._database = database
        self._also = also

    @classmethod
    def open(cls, url: str, *, connections: int = 5) -> Directory:
        """Open `sqlite:///FILE` or `postgresql://...`; see `open_engine`."""
        database = read_url(url)
        return cls(open_engine(database, connections=connections), database)

    def exists(self) -> bool:
        """Tell whether there is a database; False for a SQLite file that does not exist yet.

        Connecting would create an empty one, which hides a mistyped path behind a directory without users.
        """
        return not isinstance(self._database, SqliteFile) or self._database.path.exists()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection to read on; whatever the driver raises becomes a DirectoryError."""
        async with self._mapped_errors(), self._engine.connect() as connection, _odd_questions():
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection in one transaction: committed at the end, rolled back by any error.

        SQLite's driver would begin only at the first row that is written: rows that were read before may have changed
        by then, and created tables would stay although the rest fails. So it begins here, as the only writer.
        """
        async with self._mapped_errors(), self._engine.begin() as connection, _odd_questions():
            if isinstance(self._database, SqliteFile):
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            if self._also is not None:
                await self._also(connection)

    def also(self, write: WriteAlso) -> Directory:
        """Return this directory, each of whose changes makes `write` too, in its transaction."""
        return Directory(self._engine, self._database, write)

    @override
    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        async with self.reading() as connection:
            row = (await connection.execute(_KEYS.where(api_keys.c.hash.in_(hashes)))).first()
        return None if row is None else stored_key(row)

    @override
    async def rehash_key(self, old: str, new: str) -> None:
        async with self.changing() as connection:
            await connection.execute(update(api_keys).where(api_keys.c.hash == old).values(hash=new))

    @override
    async def session_by_id(self, session_id: str) -> StoredSession | None:
        return await self._session(JOINED_SESSIONS.where(sessions.c.id == session_id))

    @override
    async def session_by_login(self, user_id: str, token_hash: str) -> StoredSession | None:
        """Compare the hash once more, for databases that ignore case.

        The database compares hashes, so its timing tells nothing about a token.
        """
        found = await self._session(
            JOINED_SESSIONS.where(sessions.c.user_id == user_id, sessions.c.login_token_hash == token_hash)
            .order_by(sessions.c.closed_at.is_not(None), sessions.c.login_at.desc(), sessions.c.id)
            .limit(1)
        )
        login = found.session.login if found is not None else None
        if login is None or not hmac.compare_digest(login.token_hash or "", token_hash):
            return None
        return found

    @override
    async def note_activity(self, session_id: str, at: datetime) -> None:
        earlier = or_(sessions.c.last_activity_at.is_(None), sessions.c.last_activity_at < at)
        async with self.changing() as connection:
            await connection.execute(
                update(sessions).where(sessions.c.id == session_id, earlier).values(last_activity_at=at)
            )

    @override
    async def close(self) -> None:
        await self._engine.dispose()

    async def _session(self, query: Select[tuple[object, ...]]) -> StoredSession | None:
        async with self.reading() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            session_id = row._mapping[sessions.c.id]  # noqa: SLF001 - public in spite of its name
            ordered_signins = (
                select(signins).where(signins.c.session_id == session_id).order_by(signins.c.created_at, signins.c.id)
            )
            return stored_session(row, await connection.execute(ordered_signins))

    @asynccontextmanager
    async def _mapped_errors(self) -> AsyncIterator[None]:
        """Turn a driver's error into words of ours: its own may quote what was looked up, or a password."""
        try:
            yield
        except GatewayError:
            raise
        except Exception as fault:
            # every kind: drivers raise errors of their own before SQLAlchemy can wrap them (a wrong password, no route)
            raise DatabaseError(f"the directory cannot be asked: {self._database}: {words_of_fault(fault)}") from fault


@asynccontextmanager
async def _odd_questions() -> AsyncIterator[None]:
    """Tell what is the question's fault, once there is a connection: an OddQuestionError instead of the driver's.

    PostgreSQL refuses a NUL in a text; a row that somebody else wrote may hold what no session can.
    """
    try:
        yield
    except Exception as fault:
        if not is_odd_question(fault):
            raise
        raise OddQuestionError(f"the directory cannot answer this: {words_of_fault(fault)}") from fault
