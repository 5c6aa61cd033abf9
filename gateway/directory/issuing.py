"""The changes that commands make in the directory: create and delete keys, give roles, remove organizations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Literal
from uuid import uuid4

import msgspec
from sqlalchemy import Table, Update, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.changes import OnChange, call_for_each
from gateway.directory.hashing import Peppers, visible_prefix
from gateway.directory.store import Directory
from gateway.directory.stored import CLOSED
from gateway.directory.tables import api_keys, members, organizations, projects, sessions
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationKind, RevocationTarget

KeyType = Literal["project", "user", "organization"]

_KEY_BYTES = 32
"""Random bytes of a key: 256 bits, so that a fast hash is enough at rest."""

_KEY_PREFIXES: dict[str, str] = {"project": "sk_live_", "user": "uk_live_", "organization": "ok_live_"}
"""How keys of each type begin, so that people and secret scanners recognize one."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to create: for a `member`, and for keys of the type project the `project`, by id or nano id."""

    type: KeyType
    name: str
    member: str
    project: str | None = None
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key, to be shown once: nobody can read it again."""

    id: str
    key: str

    def __repr__(self) -> str:
        """Show no key."""
        return f"IssuedKey({self.id})"


async def create_key(
    directory: Directory,
    peppers: Peppers,
    new_key: NewKey,
    now: datetime,
    randomness: Callable[[int], str] = token_urlsafe,
) -> IssuedKey:
    """Create a key and store its hash; raises DirectoryError for a missing member or project."""
    if (new_key.project is not None) != (new_key.type == "project") and new_key.type != "user":
        raise DirectoryError("a key of the type project names its project, one of the type organization names none")
    key = _KEY_PREFIXES[new_key.type] + randomness(_KEY_BYTES)
    key_id = str(uuid4())
    async with directory.changing() as connection:
        organization_id = await _organization(connection, new_key)
        row = {
            "id": key_id,
            "type": new_key.type,
            "name": new_key.name,
            "hash": peppers.hash(key),
            "prefix": visible_prefix(key),
            "organization_id": organization_id,
            "project_id": await _project(connection, new_key, organization_id),
            "member_id": new_key.member,
            "scopes": list(new_key.scopes),
            "created_at": now,
            "updated_at": now,
            "expires_at": new_key.expires_at,
            "auto_id": await connection.scalar(select(func.coalesce(func.max(api_keys.c.auto_id), 0) + 1)),
        }
        try:
            await connection.execute(api_keys.insert(), row)
        except IntegrityError as clash:
            raise DirectoryError("another key was made at the same moment; try again") from clash
    return IssuedKey(key_id, key)


async def delete_key(directory: Directory, key_id: str, now: datetime, on_change: OnChange) -> None:
    """Mark a key as deleted: it is refused as revoked from now on. Raises DirectoryError when there is none."""
    deleted = update(api_keys).where(api_keys.c.deleted_at.is_(None)).values(deleted_at=now, updated_at=now)
    await _change(directory, api_keys, key_id, deleted)
    await on_change(RevocationTarget(RevocationKind.API_KEY, key_id), ended=True)


async def expire_key(
    directory: Directory, key_id: str, at: datetime | None, now: datetime, on_change: OnChange
) -> None:
    """Set the instant from which a key is refused as expired, or none. Raises DirectoryError when there is no key."""
    await _change(directory, api_keys, key_id, update(api_keys).values(expires_at=at, updated_at=now))
    await on_change(RevocationTarget(RevocationKind.API_KEY, key_id))


async def change_role(directory: Directory, member_id: str, role: str | None, on_change: OnChange) -> None:
    """Give a member another role in its organization. Raises DirectoryError when there is no such member."""
    await _change(directory, members, member_id, update(members).values(role=role))
    await on_change(RevocationTarget(RevocationKind.USER, member_id))


async def remove_organization(directory: Directory, organization_id: str, now: datetime, on_change: OnChange) -> None:
    """Delete an organization with its members, projects and workspaces, and log out the sessions bound to it.

    Its keys are refused as gone. Raises DirectoryError when there is no such organization.
    """
    async with directory.changing() as connection:
        bound = select(sessions.c.id).where(sessions.c.organization_id == organization_id)
        session_ids = list(await connection.scalars(bound))
        await connection.execute(_closing(now).where(sessions.c.organization_id == organization_id))
        removed = await connection.execute(delete(organizations).where(organizations.c.id == organization_id))
        if not removed.rowcount:
            raise _missing(organizations, organization_id)
    targets = [RevocationTarget(RevocationKind.ORGANIZATION, organization_id)]
    targets += [RevocationTarget(RevocationKind.SESSION, session_id) for session_id in session_ids]
    await call_for_each(targets, on_change)


async def _organization(connection: AsyncConnection, new_key: NewKey) -> str:
    found = await connection.scalar(select(members.c.organization_id).where(members.c.id == new_key.member))
    if found is None:
        raise _missing(members, new_key.member)
    return str(found)


async def _project(connection: AsyncConnection, new_key: NewKey, organization_id: str) -> str | None:
    if new_key.project is None:
        return None
    named = or_(projects.c.id == new_key.project, projects.c.nano_id == new_key.project)
    within = select(projects.c.id).where(named, projects.c.organization_id == organization_id)
    found = await connection.scalar(within)
    if found is None:
        raise DirectoryError(f"there is no project {new_key.project} in the member's organization")
    return str(found)


async def _change(directory: Directory, table: Table, row_id: str, statement: Update) -> None:
    """Run `statement` for one row; raises DirectoryError when there is no such row."""
    async with directory.changing() as connection:
        changed: Any = await connection.execute(statement.where(table.c.id == row_id))
        if changed.rowcount:
            return
        if await connection.scalar(select(table.c.id).where(table.c.id == row_id)) is None:
            raise _missing(table, row_id)


def _closing(now: datetime) -> Update:
    """Return the update that closes live sessions; the instant of an earlier logout stays."""
    return update(sessions).where(sessions.c.closed_at.is_(None)).values(closed_at=now, updated_at=now, state=CLOSED)


def _missing(table: Table, row_id: str) -> DirectoryError:
    return DirectoryError(f"there is no {row_id} in {table.name}")
