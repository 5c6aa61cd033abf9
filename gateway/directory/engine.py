"""The one way to open the directory's database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.directory.postgres_options import DRIVER_PARAMETERS, driver_options
from gateway.directory.sqlite_connection import SqliteConnection
from gateway.model.errors import DirectoryError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

_BUSY_MS = 5000
"""Milliseconds that a writer waits for another one's lock. Readers never wait: the journal is a write-ahead log."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # with WAL a power cut can lose the last commits, and never breaks the file
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_MS}",
)


def open_engine(url: str, *, connections: int = 5) -> AsyncEngine:
    """Return an engine for `sqlite:///FILE` or `postgresql://...`; nothing is connected yet.

    At most `connections` stay open, and as many again at a peak. A PostgreSQL URL may ask for TLS, see
    `driver_options`. Raises DirectoryError for another kind of URL.
    """
    parsed = _parsed(url)
    engine = create_async_engine(
        parsed.difference_update_query(set(parsed.query) - DRIVER_PARAMETERS),
        connect_args={} if _is_sqlite(parsed) else driver_options(parsed.query),
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=not _is_sqlite(parsed),  # a database that was restarted is one more round trip, not an error
        hide_parameters=True,  # so that no exception text quotes what is looked up
        **({"async_creator": partial(SqliteConnection, parsed.database or "")} if _is_sqlite(parsed) else {}),
    )
    if _is_sqlite(parsed):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def file_of(engine: AsyncEngine) -> Path | None:
    """Return the file of a SQLite directory; None for PostgreSQL."""
    return Path(cast("str", engine.url.database)) if _is_sqlite(engine.url) else None


def make_place(url: str) -> None:
    """Make the file of a SQLite directory, readable by its owner alone; nothing for PostgreSQL.

    Raises DirectoryError, also where its folder is missing: that is a mistyped path more often than a new one.
    """
    parsed = _parsed(url)
    if not _is_sqlite(parsed):
        return
    path = Path(cast("str", parsed.database))
    try:
        if not path.parent.exists():
            raise DirectoryError(f"{path}: there is no folder {path.parent}: make it, or correct the path")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise DirectoryError(f"{path}: cannot be made: {fault.strerror or type(fault).__name__}") from fault


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # without the cause, whose text is the URL with its password
        raise DirectoryError("the directory's url cannot be read") from None
    driver = DRIVERS.get(parsed.drivername)
    if driver is None:
        raise DirectoryError("the directory's url is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    if _is_sqlite(parsed) and parsed.database in {None, "", ":memory:"}:
        raise DirectoryError("the directory's url names no file: sqlite:///var/gateway.db")
    return parsed.set(drivername=driver)


def _is_sqlite(url: URL) -> bool:
    return url.drivername.startswith("sqlite")


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
