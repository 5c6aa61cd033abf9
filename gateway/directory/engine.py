"""The one way to open the directory's database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.directory.postgres_options import KEPT, driver_options
from gateway.model.errors import DirectoryError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

_BUSY_MS = 5000
"""How long a writer waits for another one's lock. Readers never wait: the journal is a write-ahead log."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # with WAL a power cut can lose the last commits, and never breaks the file
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_MS}",
)


def open_engine(url: str, *, connections: int = 5) -> AsyncEngine:
    """Return an engine for `sqlite:///FILE` or `postgresql://...`; nothing is connected yet.

    At most `connections` are kept, and as many again in a rush. A PostgreSQL URL may ask for TLS, see
    `driver_options`. Raises DirectoryError for another kind of URL.
    """
    parsed = _parsed(url)
    engine = create_async_engine(
        parsed.difference_update_query(set(parsed.query) - KEPT),
        connect_args={} if _is_sqlite(parsed) else driver_options(parsed.query),
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=not _is_sqlite(parsed),  # a database that was restarted is one more round trip, not an error
        hide_parameters=True,  # what is looked up stands in no exception text
    )
    if _is_sqlite(parsed):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def file_of(engine: AsyncEngine) -> Path | None:
    """Return the file of a SQLite directory; None for PostgreSQL."""
    return Path(cast("str", engine.url.database)) if _is_sqlite(engine.url) else None


def make_place(url: str) -> None:
    """Make the folder and the file of a SQLite directory, readable by its owner alone; nothing for PostgreSQL.

    Raises DirectoryError.
    """
    parsed = _parsed(url)
    if not _is_sqlite(parsed):
        return
    path = Path(cast("str", parsed.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as fault:
        raise DirectoryError(f"{path}: cannot be made: {fault.strerror or type(fault).__name__}") from fault


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without the cause, whose text is the URL, password and all.
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
    """Set what SQLite forgets with each connection; one that cannot be set (no database) is closed again."""
    try:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except BaseException:
        connection.close()  # nobody else will: the pool never got to know it, and its thread would live on
        raise
