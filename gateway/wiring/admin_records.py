"""The records that the admin API shows and changes: one directory, and whom a change is told to."""

from __future__ import annotations

from typing import cast

import structlog

from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.once import Once
from gateway.admin.record_nouns import record_operations
from gateway.admin.record_operations import CallRecords
from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.config.settings import Settings
from gateway.directory.named_calls import NamedCalls
from gateway.directory.operations.context import OperationContext
from gateway.directory.password_hashing import NewPasswords
from gateway.directory.session_tokens import SessionTokens
from gateway.model.session import RevocationTarget
from gateway.wiring.admin_directories import AdminDirectories
from gateway.wiring.process import Process
from gateway.wiring.redis import secrets_of

_log = structlog.get_logger(__name__)


class AdminRecords:
    """Works with the directory called `name`, which is opened by the first call."""

    def __init__(
        self, settings: Settings, name: str, directories: AdminDirectories, process: Process, fleet: FleetHooks
    ) -> None:
        self._admin = settings.admin
        self._name = name
        self._settings = cast("DirectorySettings", settings.authorities[name])
        self._directories = directories
        self._process = process
        self._fleet = fleet
        self._tokens: SessionTokens | None = None
        self._peppers = open_peppers(self._settings)
        self._once = Once(secrets_of(settings))
        self._passwords = NewPasswords(self._settings.password_characters)

    def operations(self) -> tuple[ApiOperation, ...]:
        """Return the operations on records."""
        return record_operations(self._for_call)

    async def _for_call(self, request: ApiRequest) -> CallRecords:
        """Return what one call works with; raises GatewayError."""
        directory = await self._directories.open(self._name)
        if self._tokens is None:
            self._tokens = open_tokens(self._settings, self._process.clock)
        context = OperationContext(
            directory=directory,
            now=request.now,
            actor=request.actor,
            on_change=self._tell,
            audit=self._process.audit,
            peppers=self._peppers,
            tokens=self._tokens,
        )
        calls = NamedCalls(directory, self._admin.idempotency, self._admin.named_calls)
        return CallRecords(context, calls, self._once, self._passwords)

    async def _tell(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Tell every process of this gateway, and every replica, that a row changed."""
        complete = await (self._fleet.revoke(target) if ended else self._fleet.change(target))
        if not complete:
            _log.warning("change_not_told", kind=target.kind.value, id=target.id)
