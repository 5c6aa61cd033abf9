"""Connections to PostgreSQL, and whether a pooler stands in between, behind which no statement may have a name.

A pooler of transactions (PgBouncer's pool_mode) gives each transaction whichever connection is free. A statement that
was prepared there under a name is not on the next one, or is somebody else's. An unnamed one lives within its
transaction, and costs a round trip and the plan of its query each time: twice the time of a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any

import asyncpg
from sqlalchemy.util import await_only

_numbers = count(1)

_NO_CACHE = {"statement_cache_size": 0}
"""Of the driver's own cache: SQLAlchemy has one. In a URL it says that no statement may have a name."""

_UNNAMED: dict[str, Any] = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
_NAMED: dict[str, Any] = {"prepared_statement_name_func": lambda: f"gateway_{next(_numbers)}"}


def connect(arguments: Mapping[str, Any], dialect: Any, *_: Any) -> Any:
    """Return a connection of SQLAlchemy's dialect, for its event `do_connect`; `arguments` are the driver's."""
    connection, is_pooled = await_only(_open({**arguments, **_NO_CACHE}))
    return dialect.loaded_dbapi.connect(
        async_creator_fn=partial(_itself, connection), **statement_names(arguments, is_pooled=is_pooled)
    )


def statement_names(arguments: Mapping[str, Any], *, is_pooled: bool) -> dict[str, Any]:
    """Return what SQLAlchemy is told of the statements of a connection: unnamed behind a pooler, or where asked for."""
    return _UNNAMED if is_pooled or _NO_CACHE.keys() <= arguments.keys() else _NAMED


async def _open(arguments: Mapping[str, Any]) -> tuple[asyncpg.Connection, bool]:
    """Connect, and tell whether a pooler stands in between: it calls itself by another process id than the server.

    Asked within a transaction, as everything behind a pooler.
    """
    connection = await asyncpg.connect(**arguments)
    try:
        async with connection.transaction():
            server = await connection.fetchval("SELECT pg_backend_pid()")
    except BaseException:
        connection.terminate()
        raise
    return connection, server != connection.get_server_pid()


async def _itself(connection: asyncpg.Connection) -> asyncpg.Connection:
    return connection
