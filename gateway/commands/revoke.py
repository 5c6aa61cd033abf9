"""`gateway revoke`: revokes in the directories of a config, and everywhere it is cached."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from gateway.authorities.directory import DirectorySettings
from gateway.commands.command_output import COMMAND, CommandResult
from gateway.commands.notify import open_notifier
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import AuditLog, AuditOutcome


async def revoke(config: Path, target: RevocationTarget, audit: AuditLog) -> CommandResult:
    """Revoke in the directories' rows first, so that a later look-up finds it revoked. Raises SettingsError.

    A directory that cannot be asked does not keep the gateways from being notified, nor the reverse.
    """
    settings = load_settings(config, os.environ)
    faults = [fault for fault in [await _mark(each, target) for each in _directories(settings)] if fault]
    async with open_notifier(settings) as notifier:
        if not await notifier.revoke(target):
            faults.append(_notification_fault(settings))
    audit.revoked(COMMAND, target, AuditOutcome.PARTLY if faults else AuditOutcome.DONE)
    if faults:
        note = f"{target.kind} {target.id} is not ended everywhere: {'; '.join(faults)}"
        return CommandResult("", note, succeeded=False)
    return CommandResult(f"{target.kind} {target.id} is ended everywhere")


def _directories(settings: Settings) -> list[DirectorySettings]:
    return [authority for authority in settings.authorities.values() if isinstance(authority, DirectorySettings)]


async def _mark(settings: DirectorySettings, target: RevocationTarget) -> str:
    """Mark the rows of one directory as revoked; return the fault, empty without one."""
    from gateway.directory.schema import open_current  # noqa: PLC0415 - SQLAlchemy only where there is a directory

    try:
        async with open_current(settings.url.get_secret_value()) as directory:
            await directory.mark_ended(target, datetime.now(UTC))
    except DirectoryError as error:
        return str(error)
    return ""


def _notification_fault(settings: Settings) -> str:
    if settings.redis is not None:
        return "redis did not take it"
    if not settings.listen.admin_token:
        return "the config has neither redis nor listen.admin_token, so no gateway could be told"
    return f"the gateway at {settings.listen.admin} did not take it"
