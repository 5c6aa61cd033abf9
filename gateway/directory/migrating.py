"""Brings the directory's schema up to date. For the commands and the demo: the one module that loads alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

from gateway.directory.engine import make_place
from gateway.directory.store import Directory

_SCRIPTS = Path(__file__).with_name("migrations")

_LOCK = 0x67772D646972
"""The advisory lock that migrations hold: "gw-dir" in ASCII, a number that no other program would choose."""


async def migrate(url: str) -> None:
    """Make what is missing: for SQLite the file, then every table and column; nothing when all is there.

    One transaction, so a failure leaves the schema as it was. One at a time in a process, since alembic's context is
    global. Raises DirectoryError.
    """
    make_place(url)
    directory = Directory.open(url, connections=1)
    try:
        async with directory.changing() as connection:
            if connection.dialect.name == "postgresql":
                # Replicas that start together migrate in turn; the last ones find nothing left to do.
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(_upgrade)
    finally:
        await directory.close()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
