"""The URL of the directory's database, read without loading a driver: a file of SQLite, or a PostgreSQL."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec

from gateway.directory.postgres_url import PostgresUrl, parse_postgres_url

_SQLITE, _POSTGRES = "sqlite:///", ("postgresql://", "postgres://")
_NO_URL = "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_NO_DRIVER = "needs a driver that is not installed: pip install 'session-gateway[postgres]'"


class SqliteFile(msgspec.Struct, frozen=True):
    """A database in a file; `str` is its name in messages."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)


DatabaseUrl = SqliteFile | PostgresUrl


def parse_database_url(url: str) -> DatabaseUrl:
    """Read `sqlite:///FILE` or `postgresql://...`.

    Raises ValueError, whose text says what is wrong with the URL ("has a port ...") and shows no part of a password.
    """
    if url.startswith(_POSTGRES):
        return parse_postgres_url(url)
    file, mark, _ = url.removeprefix(_SQLITE).partition("?")
    if not url.startswith(_SQLITE):
        raise ValueError(_NO_URL)
    if mark:
        raise ValueError("has parameters, which a file of SQLite does not take")
    if file in {"", ":memory:"}:
        raise ValueError("names no file: sqlite:///var/gateway.db")
    return SqliteFile(Path(file))


def parse_usable_url(url: str) -> DatabaseUrl:
    """Read the URL of a database that this machine has a driver for; raises ValueError as `parse_database_url`."""
    database = parse_database_url(url)
    if isinstance(database, PostgresUrl) and find_spec("asyncpg") is None:
        raise ValueError(_NO_DRIVER)
    return database
