"""Brings the directory's schema up to date. For the commands and the demo: the one module that loads alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from gateway.directory.engine import make_place
from gateway.directory.store import Directory

_SCRIPTS = Path(__file__).with_name("migrations")


async def migrate(url: str) -> None:
    """Make what is missing: for SQLite the file, then every table and column; nothing when all is there.

    One transaction, so a failure leaves the schema as it was. Raises DirectoryError.
    """
    make_place(url)
    directory = Directory.open(url, connections=1)
    try:
        async with directory.changing() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await directory.close()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
