"""What a product's actions do to our directory: its operations, for one caller, told to everybody who caches.

Loaded only where a config has actions: a process without a directory never loads SQLAlchemy (30 MB).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from gateway.authorities.authority import Authority
from gateway.authorities.directory import DirectoryAuthority
from gateway.authorities.kinds import AuthoritySettings
from gateway.dialects.action import ActionCall, SessionOperations, ThrottledCallError
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.owned_sessions import end_own_session, own_sessions
from gateway.directory.operations.session_operations import end_sessions
from gateway.directory.store import Directory
from gateway.endpoints.session_actions import OpenOperations
from gateway.model.errors import DirectoryError, GatewayError, MissingRecordError
from gateway.model.session import RevocationTarget, Session
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.sessions.revoker import Revoker
from gateway.telemetry.audit import Actor
from gateway.wiring.process import Process

_Result = TypeVar("_Result")


class ActionParts(msgspec.Struct, frozen=True):
    """What the operations of every call of a generation work with."""

    revoker: Revoker
    rejected_lookups: RejectedLookups
    tasks: TaskKeeper
    process: Process
    has_bus: bool = False


class DirectoryActions:
    """Opens the operations of each call to one directory.

    `timeout` is how many seconds a caller waits; what was begun is ended all the same, and told.
    """

    def __init__(self, authority: DirectoryAuthority, directory: Directory, timeout: float, parts: ActionParts) -> None:
        self._authority = authority
        self._directory = directory
        self.timeout = timeout
        self.parts = parts

    def __call__(self, call: ActionCall) -> SessionOperations:
        """Return what `call` may do."""
        return _CallOperations(self, call)

    def context(self, call: ActionCall) -> OperationContext:
        """Return what an operation of this call is given."""
        process = self.parts.process
        return OperationContext(
            directory=self._directory,
            now=datetime.fromtimestamp(process.clock(), UTC),
            actor=_actor(call),
            on_change=self._changed,
            audit=process.audit,
            peppers=self._authority.peppers,
            tokens=self._authority.tokens,
        )

    async def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Do it in a task of its own: whoever hangs up must not leave a change that was made and not told.

        Raises what `work` raises, and DirectoryError when it takes too long.
        """
        task = self.parts.tasks.start(_outcome(work), "session action")
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            raise DirectoryError(f"the directory did not answer within {self.timeout:g} s") from None
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def _changed(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Tell this generation, and all others by the bus; without one, those of this gateway."""
        revoker = self.parts.revoker
        await (revoker.revoke(target) if ended else revoker.changed(target))
        if self.parts.has_bus:
            return
        await self.parts.process.tell_others(target, ended=ended)


class _CallOperations(SessionOperations):
    """The operations of one call."""

    def __init__(self, actions: DirectoryActions, call: ActionCall) -> None:
        self._actions = actions
        self._call = call
        self._context = actions.context(call)

    @override
    async def own(self, limit: int) -> tuple[Session, ...]:
        return await self._actions.run(own_sessions(self._context, self._owner, limit))

    @override
    async def end(self, session_id: str) -> None:
        await self._guessing(end_own_session(self._context, session_id, self._owner))

    @override
    async def end_others(self) -> int:
        return len(await self._actions.run(end_sessions(self._context, self._owner, keep=self._call.session.id)))

    async def _guessing(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Do what an id names that may be made up: so many unknown ones of an address, and no more."""
        rejected, client = self._actions.parts.rejected_lookups, self._call.client
        wait = rejected.wait(client)
        if wait:
            work.close()
            raise ThrottledCallError(wait)
        try:
            return await self._actions.run(work)
        except MissingRecordError:
            rejected.count(client)
            raise

    @property
    def _owner(self) -> str:
        user = self._call.session.user
        if user is None:
            raise MissingRecordError("a session of nobody's")
        return user.id


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


async def _outcome(work: Awaitable[_Result]) -> _Result | GatewayError:
    """Return the error that was raised: what a caller asks wrongly is no failed task."""
    try:
        return await work
    except GatewayError as error:
        return error


def open_directories(
    settings: Mapping[str, AuthoritySettings], authorities: Mapping[str, Authority], parts: ActionParts
) -> dict[str, OpenOperations]:
    """Return what opens a call's operations, for each of `authorities` that is a directory."""
    return {
        name: DirectoryActions(authority, authority.store, settings[name].timeout, parts)
        for name, authority in authorities.items()
        if isinstance(authority, DirectoryAuthority) and isinstance(authority.store, Directory)
    }
