"""The one way to open the directory's database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.directory.database_url import DatabaseUrl, SqliteFile, parse_usable_url
from gateway.directory.sqlite_connection import SqliteConnection
from gateway.model.errors import DirectoryError
from gateway.model.reasons import reason_of

_BUSY_MS = 5000
"""Milliseconds that a writer waits for another one's lock. Readers never wait: the journal is a write-ahead log."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # with WAL a power cut can lose the last commits, and never breaks the file
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_MS}",
)


def open_engine(database: DatabaseUrl, *, connections: int = 5) -> AsyncEngine:
    """Return an engine for a database; nothing is connected yet.

    At most `connections` stay open, and as many again at a peak.
    """
    if isinstance(database, SqliteFile):
        connecting: dict[str, Any] = {"async_creator": partial(SqliteConnection, str(database.path))}
    else:  # a database that was restarted is one more round trip, not an error
        connecting = {"pool_pre_ping": True}
    engine = create_async_engine(
        "sqlite+aiosqlite://" if isinstance(database, SqliteFile) else "postgresql+asyncpg://",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=connections,
        hide_parameters=True,  # so that no exception text quotes what is looked up
        **connecting,
    )
    if isinstance(database, SqliteFile):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    else:
        from gateway.directory.postgres_connection import connect  # noqa: PLC0415 - needs the extra `postgres`

        event.listen(engine.sync_engine, "do_connect", partial(connect, database.arguments()))
    return engine


def read_url(url: str) -> DatabaseUrl:
    """Return what a directory's URL says; raises DirectoryError where none can be opened by it."""
    try:
        return parse_usable_url(url)
    except ValueError as fault:
        raise DirectoryError(f"the directory's url {fault}") from None


def make_place(url: str) -> None:
    """Make the file of a SQLite directory, readable by its owner alone; nothing for PostgreSQL.

    Raises DirectoryError, also where its folder is missing: that is a mistyped path more often than a new one.
    """
    database = read_url(url)
    if not isinstance(database, SqliteFile):
        return
    path = database.path
    try:
        if not path.parent.exists():
            raise DirectoryError(f"{path}: there is no folder {path.parent}: make it, or correct the path")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise DirectoryError(f"{path}: cannot be made: {reason_of(fault)}") from fault


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set what SQLite does not store in the file; a connection that cannot be set up (no database) is closed again."""
    try:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except BaseException:
        connection.close()  # the pool does not have it yet, and its thread would live on
        raise
