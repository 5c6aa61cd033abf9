"""`gateway revoke`: ends something in the directories of a config, and everywhere it is cached."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from gateway.authorities.directory import DirectorySettings
from gateway.commands.command_log import COMMAND
from gateway.commands.command_result import CommandResult
from gateway.commands.notify import open_fleet
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import AuditLog, AuditOutcome


async def revoke(config: Path, ended: RevocationTarget, audit: AuditLog) -> CommandResult:
    """End it: rows first, so that whoever looks it up after hearing of it finds it ended. Raises SettingsError.

    A directory that cannot be asked does not keep the gateways from being told, and the reverse.
    """
    settings = load_settings(config, os.environ)
    faults = [fault for fault in [await _mark(found, ended) for found in _directories(settings)] if fault]
    async with open_fleet(settings) as fleet:
        if not await fleet.revoke(ended):
            faults.append(_untold(settings))
    audit.revoked(COMMAND, ended, AuditOutcome.PARTLY if faults else AuditOutcome.DONE)
    if faults:
        return CommandResult("", f"{ended.kind} {ended.id} is not ended everywhere: {'; '.join(faults)}", done=False)
    return CommandResult(f"{ended.kind} {ended.id} is ended everywhere")


def _directories(settings: Settings) -> list[DirectorySettings]:
    return [authority for authority in settings.authorities.values() if isinstance(authority, DirectorySettings)]


async def _mark(found: DirectorySettings, ended: RevocationTarget) -> str:
    """Mark the rows of one directory; return what went wrong, or nothing."""
    # Here and not above: where no directory is configured, SQLAlchemy is not loaded.
    from gateway.directory.issuing import open_current  # noqa: PLC0415 - see above

    try:
        async with open_current(found.url.get_secret_value()) as directory:
            await directory.mark_ended(ended, datetime.now(UTC))
    except DirectoryError as fault:
        return str(fault)
    return ""


def _untold(settings: Settings) -> str:
    if settings.redis is not None:
        return "redis did not take it"
    if not settings.listen.admin_token:
        return "the config has neither redis nor listen.admin_token, so no gateway could be told"
    return f"the gateway at {settings.listen.admin} did not take it"
