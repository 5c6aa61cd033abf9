"""What the commands do to the directory of a config, and whom they tell of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.commands.command_log import COMMAND
from gateway.commands.command_result import CommandResult
from gateway.commands.notify import open_fleet
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.directory.changes import OnChange
from gateway.directory.issuing import (
    KeyOrder,
    KeyType,
    change_role,
    create_key,
    delete_key,
    end_session,
    expire_key,
    issue_token,
    open_current,
    remove_organization,
)
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import AuditLog
from gateway.wiring.process import wall_clock


class Chosen(msgspec.Struct, frozen=True):
    """A config file, where changes are written down, and which of its directories is meant where it has several."""

    config: Path
    audit: AuditLog
    authority: str | None = None


class KeyWish(msgspec.Struct, frozen=True):
    """A key that somebody asks for; see `KeyOrder`. `ttl` is in seconds, None for a key that never expires."""

    type: KeyType
    member: str
    project: str | None
    name: str
    scopes: tuple[str, ...] = ()
    ttl: float | None = None


async def migrate_directory(chosen: Chosen) -> CommandResult:
    """Bring the schema up to date; raises GatewayError."""
    _, name, directory = _find(chosen)
    await migrate(directory.url.get_secret_value())
    return CommandResult(f"the schema of {name} is up to date")


async def load_directory(chosen: Chosen, records: Path) -> CommandResult:
    """Import a records file, all or nothing; raises GatewayError."""
    async with _opened(chosen) as opened, open_fleet(opened.settings) as fleet:
        telling = _Telling(fleet.changed)
        loaded = await load_records(opened.directory, open_peppers(opened.found), records, telling)
        counted = ", ".join(f"{count} {table}" for table, count in loaded.rows.items() if count)
        said = f"loaded {counted or 'nothing'}"
        chosen.audit.changed(COMMAND, "directory", opened.name, said)
        return telling.outcome(said, opened.settings)


async def create_directory_key(chosen: Chosen, wish: KeyWish) -> CommandResult:
    """Make an API key; the outcome's `said` is the key, which nobody can read again. Raises GatewayError."""
    now = _now()
    async with _opened(chosen) as opened:
        order = KeyOrder(
            type=wish.type,
            name=wish.name,
            member=wish.member,
            project=wish.project,
            scopes=wish.scopes,
            expires_at=now + timedelta(seconds=wish.ttl) if wish.ttl is not None else None,
        )
        issued = await create_key(opened.directory, open_peppers(opened.found), order, now)
        chosen.audit.changed(COMMAND, RevocationKind.API_KEY, issued.id, "created")
        return CommandResult(issued.key, f"this key is shown once; its id is {issued.id}")


async def delete_directory_key(chosen: Chosen, key_id: str) -> CommandResult:
    """Delete an API key and end what is cached of it; raises GatewayError."""
    what = _Change(RevocationKind.API_KEY, key_id, "deleted", f"deleted {key_id}", for_good=True)
    return await _change(chosen, what, lambda directory, told: delete_key(directory, key_id, _now(), told))


async def expire_directory_key(chosen: Chosen, key_id: str, at: datetime | None) -> CommandResult:
    """Set the instant from which a key is refused as expired, or none; raises GatewayError."""
    when = f"expires at {at.isoformat(timespec='seconds')}" if at is not None else "never expires"
    what = _Change(RevocationKind.API_KEY, key_id, when, f"{key_id} {when}")
    return await _change(chosen, what, lambda directory, told: expire_key(directory, key_id, at, _now(), told))


async def change_directory_role(chosen: Chosen, member_id: str, role: str | None) -> CommandResult:
    """Give a member another role in its organization, or none; raises GatewayError."""
    has = f"has the role {role}" if role is not None else "has no role"
    what = _Change("member", member_id, has, f"{member_id} {has}")
    return await _change(chosen, what, lambda directory, told: change_role(directory, member_id, role, told))


async def end_directory_session(chosen: Chosen, session_id: str) -> CommandResult:
    """Log a session out everywhere; raises GatewayError."""
    what = _Change(RevocationKind.SESSION, session_id, "ended", f"ended {session_id}", for_good=True)
    return await _change(chosen, what, lambda directory, told: end_session(directory, session_id, _now(), told))


async def remove_directory_organization(chosen: Chosen, organization_id: str) -> CommandResult:
    """Delete an organization and what belongs to it; raises GatewayError.

    Its keys are gone and not revoked, which dialects tell apart: so what is cached is looked up again, and no more.
    """
    what = _Change(RevocationKind.ORGANIZATION, organization_id, "removed", f"removed {organization_id}")
    return await _change(
        chosen, what, lambda directory, told: remove_organization(directory, organization_id, _now(), told)
    )


async def issue_directory_token(
    chosen: Chosen, session_id: str, kind: Literal["bearer", "cookie"], ttl: float | None
) -> CommandResult:
    """Sign a token for a session, good for `ttl` seconds; the outcome's `said` is the token. Raises GatewayError."""
    async with _opened(chosen) as opened:
        tokens = open_tokens(opened.found, wall_clock)
        if tokens is None:
            raise DirectoryError("this directory signs no tokens: its config has no `tokens`")
        token = await issue_token(opened.directory, tokens, session_id, kind, _now(), ttl)
        chosen.audit.changed(COMMAND, RevocationKind.SESSION, session_id, f"{kind} token issued")
        return CommandResult(token)


class _Change(msgspec.Struct, frozen=True):
    """One change, for the audit log and for people; `for_good` tells that what it ends can never be good again.

    Such a change is told as a revocation: the row says the same, and the admin port can be told of nothing less.
    """

    kind: str
    id: str
    detail: str
    said: str
    for_good: bool = False


async def _change(
    chosen: Chosen, what: _Change, change: Callable[[Directory, OnChange], Awaitable[None]]
) -> CommandResult:
    async with _opened(chosen) as opened, open_fleet(opened.settings) as fleet:
        telling = _Telling(fleet.revoke if what.for_good else fleet.changed)
        await change(opened.directory, telling)
        chosen.audit.changed(COMMAND, what.kind, what.id, what.detail)
        return telling.outcome(what.said, opened.settings)


class _OpenDirectory(msgspec.Struct, frozen=True):
    """The one directory that is meant, open, and what the config says of it and of everything else."""

    settings: Settings
    name: str
    found: DirectorySettings
    directory: Directory


class _Telling:
    """Tells the gateways that run of each change, and remembers whether all of them heard."""

    def __init__(self, tell: Callable[[RevocationTarget], Awaitable[bool]]) -> None:
        self._tell = tell
        self._missed = 0

    async def __call__(self, ended: RevocationTarget) -> None:
        """Tell of one change."""
        if not await self._tell(ended):
            self._missed += 1

    def outcome(self, said: str, settings: Settings) -> CommandResult:
        """Return what the command came to; the rows are changed either way."""
        if not self._missed:
            return CommandResult(said)
        note = (
            f"not every gateway could be told; one that runs may serve what it has for {2 * settings.cache.fresh:g} s"
        )
        # Without Redis there is no way to tell, and nobody was promised one.
        return CommandResult(said, note, done=settings.redis is None)


@asynccontextmanager
async def _opened(chosen: Chosen) -> AsyncIterator[_OpenDirectory]:
    settings, name, found = _find(chosen)
    async with open_current(found.url.get_secret_value()) as directory:
        yield _OpenDirectory(settings, name, found, directory)


def _find(chosen: Chosen) -> tuple[Settings, str, DirectorySettings]:
    """Return the settings, and the one directory that is meant, with its name."""
    settings = load_settings(chosen.config, os.environ)
    directories = {
        name: authority for name, authority in settings.authorities.items() if isinstance(authority, DirectorySettings)
    }
    if chosen.authority is None and len(directories) == 1:
        [(name, found)] = directories.items()
        return settings, name, found
    if chosen.authority in directories:
        return settings, chosen.authority, directories[chosen.authority]
    if not directories:
        raise DirectoryError("the config has no authority of the kind directory")
    raise DirectoryError(f"say which directory is meant: --authority {' or '.join(directories)}")


def _now() -> datetime:
    return datetime.now(UTC)
