"""Creations that their caller has named: what was made under a name is never made twice.

The name is written in the transaction of the creation, the answer behind it. So a crash in between leaves the name: a
second call with it is refused instead of done again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.store import Directory
from gateway.directory.tables import named_calls
from gateway.model.errors import ClashError


class NamedCall(msgspec.Struct, frozen=True):
    """What was called under a name, and when: a digest of what was wanted, and the sealed answer once there is one."""

    at: datetime
    digest: str
    answer: bytes | None


class NamedCalls:
    """The named calls of one directory: for `ttl` seconds, and `most` of them at a time; the oldest go first."""

    def __init__(self, directory: Directory, ttl: float, most: int) -> None:
        self._directory = directory
        self._ttl = timedelta(seconds=ttl)
        self._most = most

    async def find(self, name: str, now: datetime) -> NamedCall | None:
        """Return what was called under this name; raises DirectoryError."""
        query = select(named_calls).where(named_calls.c.id == name, named_calls.c.at > now - self._ttl)
        async with self._directory.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else NamedCall(row["at"], row["digest"], row["answer"])

    def naming(self, name: str, digest: str, now: datetime) -> Directory:
        """Return the directory, each of whose changes is under this name: a second one raises ClashError."""

        async def write(connection: AsyncConnection) -> None:
            await self._forget(connection, now)
            try:
                await connection.execute(named_calls.insert(), {"id": name, "digest": digest, "at": now})
            except IntegrityError as clash:
                raise ClashError("a call of this name was made at the same moment") from clash

        return self._directory.also(write)

    async def keep(self, name: str, answer: bytes) -> None:
        """Keep the sealed answer to a call; raises DirectoryError."""
        async with self._directory.changing() as connection:
            await connection.execute(update(named_calls).where(named_calls.c.id == name).values(answer=answer))

    async def _forget(self, connection: AsyncConnection, now: datetime) -> None:
        newest = select(named_calls.c.at).order_by(named_calls.c.at.desc()).offset(self._most - 1).limit(1)
        oldest = await connection.scalar(newest)
        until = max(now - self._ttl, oldest) if oldest is not None else now - self._ttl
        await connection.execute(delete(named_calls).where(named_calls.c.at <= until))
