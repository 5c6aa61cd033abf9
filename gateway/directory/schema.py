"""Whether the schema is the one that this version needs, asked in plain SQL: serving never loads alembic."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.directory.store import Directory
from gateway.model.errors import SchemaError

REVISION = "0001"
"""The newest file in `migrations/versions`; a test says so."""

_REMEDY = "run: gateway directory migrate -c FILE"


async def current(directory: Directory) -> str | None:
    """Return the revision of the schema, None for a database that has none yet; raises DirectoryError."""
    if not directory.exists():
        return None
    async with directory.reading() as connection:
        try:
            row = (await connection.execute(text("SELECT version_num FROM alembic_version"))).first()
        except DBAPIError as fault:
            if fault.connection_invalidated:
                raise
            return None  # no such table; each database says so by an error of its own
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
