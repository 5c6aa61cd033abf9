"""The databases that the directory's suites run on: SQLite always, PostgreSQL where one is named."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import text

from gateway.directory.engine import open_engine, read_url
from gateway.directory.tables import METADATA

POSTGRES = os.environ.get("GATEWAY_TEST_POSTGRES_URL", "")
"""A PostgreSQL database for tests alone: its tables are dropped before each test.

Each process of a run has a database of its own beside it, so its role may create databases.
"""

DATABASES = ["sqlite", "postgresql"] if POSTGRES else ["sqlite"]


async def empty(database: str, folder: Path) -> str:
    """The URL of a database of that kind, without a table in it."""
    if database == "sqlite":
        return f"sqlite:///{folder / 'directory.db'}"
    url = await _own_database()
    engine = open_engine(read_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    await engine.dispose()
    return url


async def _own_database() -> str:
    """Return the URL of this process's database: others of the same run drop tables at the same time."""
    process = os.environ.get("PYTEST_XDIST_WORKER")
    if process is None:
        return POSTGRES
    parts = urlsplit(POSTGRES)
    name = f"{parts.path[1:]}_{process}"
    connection = await asyncpg.connect(POSTGRES)
    try:
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return parts._replace(path=f"/{name}").geturl()
