"""The directories of one config for the admin API: each is opened by its first use, and records what is revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from gateway.authorities.directory import DirectorySettings
from gateway.directory.changes import tell_nobody
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.revocation_operations import end_target
from gateway.directory.schema import require_current
from gateway.directory.store import Directory
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.wiring.process import Process

_log = structlog.get_logger(__name__)


class AdminDirectories:
    """Opens directories by their names in the config."""

    def __init__(self, settings: Mapping[str, DirectorySettings], process: Process) -> None:
        self._settings = settings
        self._process = process
        self._opening = asyncio.Lock()
        self._opened: dict[str, Directory] = {}

    async def open(self, name: str) -> Directory:
        """Return a directory, the same each time; raises GatewayError."""
        async with self._opening:
            if name not in self._opened:
                settings = self._settings[name]
                directory = Directory.open(settings.url.get_secret_value(), connections=settings.connections)
                try:
                    await require_current(directory)
                except BaseException:
                    await directory.close()
                    raise
                self._opened[name] = directory
        return self._opened[name]

    async def end(self, target: RevocationTarget, actor: Actor) -> bool:
        """End what every directory has of `target`, with audit entries; return whether all of them could be asked."""
        ends = (self._end(name, target, actor) for name in self._settings)
        return all(await asyncio.gather(*ends))

    async def close(self) -> None:
        """Close the connections to the databases."""
        for directory in self._opened.values():
            await directory.close()

    async def _end(self, name: str, target: RevocationTarget, actor: Actor) -> bool:
        timeout = self._settings[name].timeout
        try:
            async with asyncio.timeout(timeout):
                context = OperationContext(
                    directory=await self.open(name),
                    now=datetime.fromtimestamp(self._process.clock(), UTC),
                    actor=actor,
                    on_change=tell_nobody,  # the caller tells everybody of the target itself
                    audit=self._process.audit,
                )
                await end_target(context, target)
        except TimeoutError:
            _log.warning("revocation_mark_failed", authority=name, fault=f"did not answer within {timeout:g} s")
            return False
        except GatewayError as error:
            _log.warning("revocation_mark_failed", authority=name, fault=str(error))
            return False
        return True
