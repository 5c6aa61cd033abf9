"""Checks in plain SQL that the schema is the one that this version needs: serving never loads alembic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import inspect, text

from gateway.directory.store import Directory
from gateway.model.errors import SchemaError

REVISION = "0007"
"""The newest file in `migrations/versions`; a test compares them."""

_REMEDY = "run: gateway directory migrate -c FILE"


async def current(directory: Directory) -> str | None:
    """Return the revision of the schema, None for a database that has none yet; raises DirectoryError."""
    if not directory.exists():
        return None
    async with directory.reading() as connection:
        # asked first, since a table that we may not read is not a missing one, and each database words that differently
        if not await connection.run_sync(lambda opened: inspect(opened).has_table("alembic_version")):
            return None
        row = (await connection.execute(text("SELECT version_num FROM alembic_version"))).first()
    return None if row is None else str(row[0])


async def require_current(directory: Directory) -> None:
    """Raise SchemaError, which names the remedy, unless the schema is the one that this version needs."""
    revision = await current(directory)
    if revision is None:
        raise SchemaError(f"the directory has no tables yet; {_REMEDY}")
    if revision < REVISION:
        raise SchemaError(f"the directory's schema is {revision}, this version needs {REVISION}; {_REMEDY}")
    if revision > REVISION:
        raise SchemaError(f"the directory's schema is {revision}, newer than this version knows ({REVISION})")


@asynccontextmanager
async def open_current(url: str) -> AsyncIterator[Directory]:
    """Open a directory for one command; raises SchemaError, with the remedy, when its schema is not this version's."""
    directory = Directory.open(url, connections=1)
    try:
        await require_current(directory)
        yield directory
    finally:
        await directory.close()
