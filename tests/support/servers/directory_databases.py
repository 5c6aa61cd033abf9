"""The databases that the directory's suites run on: SQLite always, PostgreSQL where one is named."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import text

from gateway.directory.engine import open_engine
from gateway.directory.tables import METADATA

POSTGRES = os.environ.get("GATEWAY_TEST_POSTGRES_URL", "")
"""A PostgreSQL database for tests alone: its tables are dropped before each test."""

DATABASES = ["sqlite", "postgresql"] if POSTGRES else ["sqlite"]


async def empty(database: str, folder: Path) -> str:
    """The URL of a database of that kind, without a table in it."""
    if database == "sqlite":
        return f"sqlite:///{folder / 'directory.db'}"
    engine = open_engine(POSTGRES)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    await engine.dispose()
    return POSTGRES
