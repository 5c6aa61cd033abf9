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
from gateway.directory.issuing import KeyOrder, KeyType, create_key, delete_key, issue_token, open_current
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from gateway.model.revocation import Ended
from gateway.runtime.load import load_settings
from gateway.runtime.outcome import Outcome
from gateway.runtime.process import wall_clock
from gateway.runtime.settings import Settings
from gateway.runtime.telling import open_fleet


class Chosen(msgspec.Struct, frozen=True):
    """A config file, and which of its directories is meant where it has several."""

    config: Path
    authority: str | None = None


class KeyWish(msgspec.Struct, frozen=True):
    """A key that somebody asks for; see `KeyOrder`. `ttl` is in seconds, None for a key that never expires."""

    type: KeyType
    member: str
    project: str | None
    name: str
    scopes: tuple[str, ...] = ()
    ttl: float | None = None


async def migrate_directory(chosen: Chosen) -> Outcome:
    """Bring the schema up to date; raises GatewayError."""
    _, name, directory = _find(chosen)
    await migrate(directory.url.get_secret_value())
    return Outcome(f"the schema of {name} is up to date")


async def load_directory(chosen: Chosen, records: Path) -> Outcome:
    """Import a records file, all or nothing; raises GatewayError."""
    async with _opened(chosen) as (settings, found, directory), open_fleet(settings) as fleet:
        telling = _Telling(fleet.changed)
        loaded = await load_records(directory, open_peppers(found), records, telling)
        counted = ", ".join(f"{count} {table}" for table, count in loaded.rows.items() if count)
        return telling.outcome(f"loaded {counted or 'nothing'}", settings)


async def create_directory_key(chosen: Chosen, wish: KeyWish) -> Outcome:
    """Make an API key; the outcome's `said` is the key, which nobody can read again. Raises GatewayError."""
    now = _now()
    async with _opened(chosen) as (_, found, directory):
        order = KeyOrder(
            type=wish.type,
            name=wish.name,
            member=wish.member,
            project=wish.project,
            scopes=wish.scopes,
            expires_at=now + timedelta(seconds=wish.ttl) if wish.ttl is not None else None,
        )
        issued = await create_key(directory, open_peppers(found), order, now)
        return Outcome(issued.key, f"this key is shown once; its id is {issued.id}")


async def delete_directory_key(chosen: Chosen, key_id: str) -> Outcome:
    """Delete an API key and end what is cached of it; raises GatewayError."""
    async with _opened(chosen) as (settings, _, directory), open_fleet(settings) as fleet:
        # Revoked, not just changed: the row stays deleted, and the admin port can be told of nothing less.
        telling = _Telling(fleet.revoke)
        await delete_key(directory, key_id, _now(), telling)
        return telling.outcome(f"deleted {key_id}", settings)


async def issue_directory_token(
    chosen: Chosen, session_id: str, kind: Literal["bearer", "cookie"], ttl: float | None
) -> Outcome:
    """Sign a token for a session, good for `ttl` seconds; the outcome's `said` is the token. Raises GatewayError."""
    async with _opened(chosen) as (_, found, directory):
        tokens = open_tokens(found, wall_clock)
        if tokens is None:
            raise DirectoryError("this directory signs no tokens: its config has no `tokens`")
        return Outcome(await issue_token(directory, tokens, session_id, kind, _now(), ttl))


class _Telling:
    """Tells the gateways that run of each change, and remembers whether all of them heard."""

    def __init__(self, tell: Callable[[Ended], Awaitable[bool]]) -> None:
        self._tell = tell
        self._missed = 0

    async def __call__(self, ended: Ended) -> None:
        """Tell of one change."""
        if not await self._tell(ended):
            self._missed += 1

    def outcome(self, said: str, settings: Settings) -> Outcome:
        """Return what the command came to; the rows are changed either way."""
        if not self._missed:
            return Outcome(said)
        note = (
            f"not every gateway could be told; one that runs may serve what it has for {2 * settings.cache.fresh:g} s"
        )
        # Without Redis there is no way to tell, and nobody was promised one.
        return Outcome(said, note, done=settings.redis is None)


@asynccontextmanager
async def _opened(chosen: Chosen) -> AsyncIterator[tuple[Settings, DirectorySettings, Directory]]:
    settings, _, found = _find(chosen)
    async with open_current(found.url.get_secret_value()) as directory:
        yield settings, found, directory


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
