"""The commands of `gateway directory`: each changes the directory of a config and notifies the running gateways."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.commands.command_output import COMMAND, CommandResult
from gateway.commands.notify import GatewayNotifier, open_notifier
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.directory.changes import OnChange, tell_nobody
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.operations.api_key_operations import change_key, create_key, delete_key
from gateway.directory.operations.api_key_rows import KeyChange, NewKey
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.member_operations import MemberChange, change_member
from gateway.directory.operations.organization_operations import delete_organization
from gateway.directory.operations.session_operations import end_session, issue_token
from gateway.directory.schema import open_current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import AuditLog
from gateway.wiring.process import wall_clock


class DirectoryOptions(msgspec.Struct, frozen=True):
    """The options of every command: the config, the audit log, and the name of the directory where it has several."""

    config: Path
    audit: AuditLog
    authority: str | None = None


async def migrate_directory(options: DirectoryOptions) -> CommandResult:
    """Bring the schema up to date; raises GatewayError."""
    _, name, directory = _find(options)
    await migrate(directory.url.get_secret_value())
    return CommandResult(f"the schema of {name} is up to date")


async def load_directory(options: DirectoryOptions, records: Path) -> CommandResult:
    """Import a records file, all or nothing; raises GatewayError."""
    async with _open(options) as opened, open_notifier(opened.settings) as notifier:
        notifications = _Notifications(notifier)
        loaded = await load_records(opened.directory, open_peppers(opened.directory_settings), records, notifications)
        counts = ", ".join(f"{count} {table}" for table, count in loaded.rows.items() if count)
        output = f"loaded {counts or 'nothing'}"
        options.audit.changed(COMMAND, ("directory", opened.name), output)
        return notifications.result(output, opened.settings)


async def create_directory_key(options: DirectoryOptions, order: NewKey) -> CommandResult:
    """Create an API key; the result's output is the key, which nobody can read again. Raises GatewayError."""
    async with _open(options) as opened:
        issued = await create_key(_context(options, opened, None), order)
        return CommandResult(issued.key, f"this key is shown once; its id is {issued.api_key.id}")


async def delete_directory_key(options: DirectoryOptions, key_id: str) -> CommandResult:
    """Delete an API key and revoke it in the caches; raises GatewayError."""
    return await _apply(options, f"deleted {key_id}", lambda context: delete_key(context, key_id))


async def expire_directory_key(options: DirectoryOptions, key_id: str, at: datetime | None) -> CommandResult:
    """Set the instant from which a key is refused as expired, or none; raises GatewayError."""
    detail = f"expires at {at.isoformat(timespec='seconds')}" if at is not None else "never expires"
    change = KeyChange(expires_at=at)
    return await _apply(options, f"{key_id} {detail}", lambda context: change_key(context, key_id, change))


async def change_directory_role(options: DirectoryOptions, member_id: str, role: str | None) -> CommandResult:
    """Give a member another role in its organization, or none; raises GatewayError."""
    detail = f"has the role {role}" if role is not None else "has no role"
    change = MemberChange(role=role)
    return await _apply(options, f"{member_id} {detail}", lambda context: change_member(context, member_id, change))


async def end_directory_session(options: DirectoryOptions, session_id: str) -> CommandResult:
    """Log a session out everywhere; raises GatewayError."""
    return await _apply(options, f"ended {session_id}", lambda context: end_session(context, session_id))


async def remove_directory_organization(options: DirectoryOptions, organization_id: str) -> CommandResult:
    """Delete an organization and what belongs to it; raises GatewayError."""
    return await _apply(
        options, f"removed {organization_id}", lambda context: delete_organization(context, organization_id)
    )


async def issue_directory_token(
    options: DirectoryOptions, session_id: str, kind: Literal["bearer", "cookie"], ttl: float | None
) -> CommandResult:
    """Sign a token for a session, valid for `ttl` seconds, which is the result's output; raises GatewayError."""
    async with _open(options) as opened:
        context = _context(options, opened, None)
        return CommandResult(await issue_token(context, session_id, kind, ttl))


async def _apply(
    options: DirectoryOptions, output: str, apply: Callable[[OperationContext], Awaitable[object]]
) -> CommandResult:
    async with _open(options) as opened, open_notifier(opened.settings) as notifier:
        notifications = _Notifications(notifier)
        await apply(_context(options, opened, notifications))
        return notifications.result(output, opened.settings)


class _OpenDirectory(msgspec.Struct, frozen=True):
    """The directory that a command is about, with its name and settings, and those of the whole config."""

    settings: Settings
    name: str
    directory_settings: DirectorySettings
    directory: Directory


class _Notifications:
    """Notifies the running gateways of each change, and counts those that did not reach all of them."""

    def __init__(self, notifier: GatewayNotifier) -> None:
        self._notifier = notifier
        self._failures = 0

    async def __call__(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Notify the gateways of one change; of what is never valid again as of a revocation."""
        notify = self._notifier.revoke if ended else self._notifier.changed
        if not await notify(target):
            self._failures += 1

    def result(self, output: str, settings: Settings) -> CommandResult:
        """Return the command's result; the rows are changed either way."""
        if not self._failures:
            return CommandResult(output)
        note = (
            f"not every gateway could be told; one that runs may serve what it has for {2 * settings.cache.fresh:g} s"
        )
        # Without Redis no gateway can be notified of a changed row, which is therefore no failure.
        return CommandResult(output, note, succeeded=settings.redis is None)


@asynccontextmanager
async def _open(options: DirectoryOptions) -> AsyncIterator[_OpenDirectory]:
    settings, name, directory_settings = _find(options)
    async with open_current(directory_settings.url.get_secret_value()) as directory:
        yield _OpenDirectory(settings, name, directory_settings, directory)


def _context(options: DirectoryOptions, opened: _OpenDirectory, on_change: OnChange | None) -> OperationContext:
    return OperationContext(
        directory=opened.directory,
        now=_now(),
        actor=COMMAND,
        on_change=on_change or tell_nobody,
        audit=options.audit,
        peppers=open_peppers(opened.directory_settings),
        tokens=open_tokens(opened.directory_settings, wall_clock),
    )


def _find(options: DirectoryOptions) -> tuple[Settings, str, DirectorySettings]:
    """Return the settings, and the name and settings of the directory; raises SettingsError and DirectoryError."""
    settings = load_settings(options.config, os.environ)
    directories = {
        name: authority for name, authority in settings.authorities.items() if isinstance(authority, DirectorySettings)
    }
    if options.authority is None and len(directories) == 1:
        [(name, directory)] = directories.items()
        return settings, name, directory
    if options.authority in directories:
        return settings, options.authority, directories[options.authority]
    if not directories:
        raise DirectoryError("the config has no authority of the kind directory")
    raise DirectoryError(f"say which directory is meant: --authority {' or '.join(directories)}")


def _now() -> datetime:
    return datetime.now(UTC)
