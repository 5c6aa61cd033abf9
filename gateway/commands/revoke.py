"""`gateway revoke`: revokes in the directories of a config, and everywhere it is cached."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from gateway.authorities.directory import DirectorySettings, open_peppers
from gateway.commands.command_output import COMMAND, CommandResult
from gateway.commands.notify import open_notifier
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.model.errors import DirectoryError, InvalidRecordError, MissingRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import AuditLog, AuditOutcome


async def revoke(config: Path, target: RevocationTarget, audit: AuditLog) -> CommandResult:
    """Revoke in the directories' rows first, so that a later look-up finds it revoked. Raises SettingsError.

    A directory that cannot be asked does not keep the gateways from being notified, nor the reverse. A key may be named
    by its visible beginning; raises InvalidRecordError where several keys begin so. What no directory knows is revoked
    all the same: it may be another authority's.
    """
    settings = load_settings(config, os.environ)
    directories = {name: each for name, each in settings.authorities.items() if isinstance(each, DirectorySettings)}
    faults, strangers = [], []
    for name, each in directories.items():
        target, is_known, fault = await _end(each, target, audit)
        faults += [fault] if fault else []
        strangers += [name] if not fault and not is_known else []
    async with open_notifier(settings) as notifier:
        if not await notifier.revoke(target):
            faults.append(_notification_fault(settings))
    audit.revoked(COMMAND, target, AuditOutcome.PARTLY if faults else AuditOutcome.DONE)
    unknown = ""
    if directories and len(strangers) == len(directories):
        unknown = (
            f"{' and '.join(strangers)} does not know the {target.kind} {target.id}; it is remembered all the same"
        )
    if faults:
        note = f"{target.kind} {target.id} is not ended everywhere: {'; '.join(faults)}"
        return CommandResult("", note, succeeded=False)
    return CommandResult("" if unknown else f"{target.kind} {target.id} is ended everywhere", unknown)


async def _end(
    settings: DirectorySettings, target: RevocationTarget, audit: AuditLog
) -> tuple[RevocationTarget, bool, str]:
    """End it in one directory; return the target by its id, whether it is known there, and the fault."""
    # SQLAlchemy only where there is a directory
    from gateway.directory.changes import tell_nobody  # noqa: PLC0415 - see above
    from gateway.directory.operations.api_key_operations import find_key  # noqa: PLC0415 - see above
    from gateway.directory.operations.context import OperationContext  # noqa: PLC0415 - see above
    from gateway.directory.operations.revocation_operations import end_target  # noqa: PLC0415 - see above
    from gateway.directory.schema import open_current  # noqa: PLC0415 - see above

    try:
        async with open_current(settings.url.get_secret_value()) as directory:
            context = OperationContext(
                directory=directory,
                now=datetime.now(UTC),
                actor=COMMAND,
                on_change=tell_nobody,
                audit=audit,
                peppers=open_peppers(settings),
            )
            if target.kind is RevocationKind.API_KEY:
                with contextlib.suppress(MissingRecordError):
                    target = RevocationTarget(target.kind, (await find_key(context, target.id)).id)
            return target, await end_target(context, target), ""
    except InvalidRecordError:
        raise
    except DirectoryError as error:
        return target, False, str(error)


def _notification_fault(settings: Settings) -> str:
    if settings.redis is not None:
        return "redis did not take it"
    if not settings.listen.admin_token:
        return "the config has neither redis nor listen.admin_token, so no gateway could be told"
    return f"the gateway at {settings.listen.admin} did not take it"
