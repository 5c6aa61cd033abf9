"""Brings the directory's schema up to date; the one module that loads alembic, for the commands and the demo."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

from gateway.directory.engine import make_place
from gateway.directory.store import Directory

_SCRIPTS = Path(__file__).with_name("migrations")

_LOCK = 0x67772D646972
"""The advisory lock of migrations: "gw-dir" in ASCII, a number that no other program would choose."""

_THREAD_LOCK = threading.Lock()


async def migrate(url: str) -> None:
    """Create what is missing: for SQLite the file, then every table and column.

    One transaction, so a failure leaves the schema as it was. Raises DirectoryError.
    """
    await asyncio.to_thread(_migrate_alone, url)


def _migrate_alone(url: str) -> None:
    """Migrate one at a time in this process, on a loop of its own: alembic's context is global."""
    with _THREAD_LOCK:
        asyncio.run(_migrate(url))


async def _migrate(url: str) -> None:
    make_place(url)
    directory = Directory.open(url, connections=1)
    try:
        async with directory.changing() as connection:
            if connection.dialect.name == "postgresql":
                # replicas that start together migrate in turn, and all but the first find nothing to do
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(_upgrade)
    finally:
        await directory.close()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
