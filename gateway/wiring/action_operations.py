"""What a product's actions do to our directory: its operations, for one caller, told to everybody who caches.

Loaded only where a config has actions: a process without a directory never loads SQLAlchemy (30 MB).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.dialects.action import (
    ActionCall,
)
from gateway.directory.operations.context import OperationContext
from gateway.directory.store import Directory
from gateway.model.client_address import bucket_of_address
from gateway.model.errors import DirectoryError, GatewayError
from gateway.model.session import RevocationTarget
from gateway.resilience.places import Caller, Places
from gateway.resilience.tasks import TaskKeeper
from gateway.resilience.under_way import UnderWay
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.telemetry.audit import Actor
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.process import Process

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)


class ActionParts(msgspec.Struct, frozen=True):
    """What the operations of every call of a generation work with."""

    notify: ChangeNotifier
    rejected_lookups: RejectedLookups
    tasks: TaskKeeper
    process: Process


class DirectoryActions:
    """One directory, as the actions of calls work with it.

    `refreshing` knows the families of refresh tokens that are being used. `timeout` is how many seconds a caller waits;
    what was begun is ended all the same, and told.
    """

    def __init__(
        self, authority: DirectoryAuthority, directory: Directory, settings: DirectorySettings, parts: ActionParts
    ) -> None:
        self._authority = authority
        self._directory = directory
        self._places = Places(max(1, settings.connections // 2))
        self.timeout = settings.timeout
        self.parts = parts
        self.refreshing = UnderWay()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self.parts.process.clock(), UTC)

    def context(self, call: ActionCall) -> OperationContext:
        """Return what an operation of this call is given."""
        process = self.parts.process
        return OperationContext(
            directory=self._directory,
            now=self.now(),
            actor=_actor(call),
            on_change=self._changed,
            audit=process.audit,
            peppers=self._authority.peppers,
            tokens=self._authority.tokens,
        )

    async def run(self, work: Coroutine[Any, Any, _Result], client: str = "") -> _Result:
        """Do it for a client address, in a task: whoever hangs up must not leave a change that was made and not told.

        So many are done at once as leave connections to look-ups, and those that wait go on by turns of their
        addresses. Raises what `work` raises, and DirectoryError when it takes too long.
        """
        caller = Caller(bucket_of_address(client))
        try:
            async with asyncio.timeout(self.timeout):
                await self._places.take(caller)
        except TimeoutError:
            work.close()
            raise DirectoryError("too many people change their sessions at once") from None
        task = self.parts.tasks.start(self._lent(work, caller), "session action")
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            raise DirectoryError(f"the directory did not answer within {self.timeout:g} s") from None
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def _lent(self, work: Coroutine[Any, Any, _Result], caller: Caller) -> _Result | GatewayError:
        """Do it, and give the place back; return the error that is raised, for a wrong question is no failed task."""
        try:
            return await work
        except GatewayError as error:
            return error
        finally:
            self._places.give_back(caller)

    async def _changed(self, target: RevocationTarget, *, ended: bool = False) -> None:
        await self.parts.notify(target, ended=ended)


def _actor(call: ActionCall) -> Actor:
    """Return who calls, for the audit."""
    user = call.found.session.user if call.found is not None else None
    credential = call.info.credential
    return Actor(
        "public_port",
        call.client,
        call.info.request_id,
        user="" if user is None else user.id,
        credential="" if credential is None else credential.kind.value,
    )
