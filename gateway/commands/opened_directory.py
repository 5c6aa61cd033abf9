"""The directory that a command is about, what its operations are given, and the gateways that are notified."""

from __future__ import annotations

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.commands.command_output import COMMAND, CommandResult
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.directory.operations.context import OperationContext
from gateway.directory.schema import open_current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog
from gateway.wiring.clock import wall_clock

if TYPE_CHECKING:
    from gateway.commands.notify import GatewayNotifier


class DirectoryOptions(msgspec.Struct, frozen=True):
    """The options of every command: the config, the audit log, and the name of the directory where it has several."""

    config: Path
    audit: AuditLog
    authority: str | None = None


class Notifications:
    """Notifies the running gateways of each change, and counts those that did not reach all of them.

    `unheard` says that one of these may run, and did not hear of it.

    What notifies them is opened for the first change: a command that only reads waits for none of its libraries.
    """

    def __init__(self, settings: Settings, resources: AsyncExitStack) -> None:
        self._settings = settings
        self._resources = resources
        self._notifier: GatewayNotifier | None = None
        self.failures = 0
        self.unheard = False

    async def __call__(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Notify the gateways of one change; of what is never valid again as of a revocation."""
        if self._notifier is None:
            from gateway.commands.notify import open_notifier  # noqa: PLC0415 - see the class

            self._notifier = await self._resources.enter_async_context(open_notifier(self._settings))
        notify = self._notifier.revoke if ended else self._notifier.changed
        if not await notify(target):
            from gateway.commands.admin_port import is_serving  # noqa: PLC0415 - see the class

            self.failures += 1
            self.unheard = self.unheard or self._settings.redis is not None or await is_serving(self._settings.listen)


class OpenedDirectory(msgspec.Struct, frozen=True):
    """An open directory with its name and settings, those of the whole config, and who notifies the gateways."""

    settings: Settings
    name: str
    directory_settings: DirectorySettings
    directory: Directory
    audit: AuditLog
    notifications: Notifications

    @property
    def context(self) -> OperationContext:
        """What an operation is given now."""
        return OperationContext(
            directory=self.directory,
            now=datetime.now(UTC),
            actor=Actor(COMMAND.by, credential=f"os_user:{_os_user()}"),
            on_change=self.notifications,
            audit=self.audit,
            peppers=open_peppers(self.directory_settings),
            tokens=open_tokens(self.directory_settings, wall_clock),
        )

    def result(self, output: str, note: str = "") -> CommandResult:
        """Return the command's result; where a gateway could not be told, the rows are changed all the same."""
        if not self.notifications.failures:
            return CommandResult(output, note)
        untold = (
            "not every gateway could be told; one that runs may serve what it has for "
            f"{2 * self.settings.cache.fresh:g} s"
        )
        # where nobody listens at the admin port no gateway was started yet, and none has anything cached
        is_told = not self.notifications.unheard
        return CommandResult(output, "; ".join(filter(None, (note, untold))), succeeded=is_told)


@asynccontextmanager
async def open_directory_of(options: DirectoryOptions) -> AsyncIterator[OpenedDirectory]:
    """Open the directory that is meant; raises GatewayError."""
    settings, name, directory_settings = find_directory(options)
    async with AsyncExitStack() as resources:
        directory = await resources.enter_async_context(open_current(directory_settings.url.get_secret_value()))
        notifications = Notifications(settings, resources)
        yield OpenedDirectory(settings, name, directory_settings, directory, options.audit, notifications)


def find_directory(options: DirectoryOptions) -> tuple[Settings, str, DirectorySettings]:
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


def _os_user() -> str:
    """Return the name of the process' user, or its number: an environment variable is anybody's to set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
