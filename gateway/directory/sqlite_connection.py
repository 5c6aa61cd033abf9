"""SQLite on a thread of its own, which each statement visits once.

aiosqlite visits the thread for a cursor, for the statement, for its rows and to close the cursor. Each visit is two
switches between threads, which costs more than most of our statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any, Self, cast

import aiosqlite
from typing_extensions import override

_CHUNK_ROWS = 64
"""Rows that aiosqlite would fetch at a time; nothing here does so."""


class _FetchedRows(list[Any]):
    """All rows of a statement, and what its cursor told of it."""

    description: Any = None
    rowcount = -1
    lastrowid: int | None = None


class _FetchingCursor(sqlite3.Cursor):
    """Is closed by `fetchall`, whose rows tell what the cursor did."""

    @override
    def fetchall(self) -> _FetchedRows:
        rows = _FetchedRows(super().fetchall())
        rows.description, rows.rowcount, rows.lastrowid = self.description, self.rowcount, self.lastrowid
        self.close()
        return rows


class _FetchingConnection(sqlite3.Connection):
    """Runs each statement by a fetching cursor, and closes that of `executemany`, which has no rows."""

    @override
    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return self.cursor(_FetchingCursor).execute(*arguments)

    @override
    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().executemany(*arguments)
        cursor.close()
        return cursor


class SqliteCursor:
    """The cursor that SQLAlchemy works with: `execute` fetches all rows, and everything else answers from memory."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        """Return the cursor; SQLAlchemy enters it, and closes it by `close`."""
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] | None = None) -> None:
        """Run a statement and fetch its rows; raises sqlite3.Error."""
        rows = cast("_FetchedRows", await self._connection.execute_fetchall(statement, parameters))
        self._rows, self.description = rows, rows.description
        self.rowcount, self.lastrowid = rows.rowcount, rows.lastrowid

    async def executemany(self, statement: str, parameters: Iterable[Iterable[Any]]) -> None:
        """Run a statement once for each of `parameters`; raises sqlite3.Error."""
        self.rowcount = (await self._connection.executemany(statement, parameters)).rowcount

    async def fetchall(self) -> list[Any]:
        """Return the rows of the statement."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the real cursor was closed on its thread."""


class SqliteConnection(aiosqlite.Connection):
    """A database file and its thread."""

    def __init__(self, file: str) -> None:
        super().__init__(partial(sqlite3.connect, file, factory=_FetchingConnection), _CHUNK_ROWS)
        self._thread.daemon = True  # as SQLAlchemy has it: what somebody forgot to close must not keep the process

    @override
    def cursor(self) -> Any:
        return SqliteCursor(self)

    @override
    async def rollback(self) -> None:
        if self.in_transaction:
            await super().rollback()
