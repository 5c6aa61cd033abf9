"""The directory in which sign-ins begin and end sessions: what their operations are given, and how they are run."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.endpoints.sign_in.sign_in_parts import Browser
from gateway.model.errors import DirectoryError, GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.process import Process

if TYPE_CHECKING:
    from gateway.directory.operations.context import OperationContext
    from gateway.directory.store import Directory

NOBODY = Browser("", "", "", "")
"""Where a refresh comes from: no browser has asked for it."""
_PATIENCE = 10.0
"""Seconds; a person waits."""

Done = TypeVar("Done")


class SignInDirectory:
    """One directory, and whom its changes are told to."""

    def __init__(self, authority: DirectoryAuthority, notify: ChangeNotifier, process: Process) -> None:
        self.authority = authority
        self._process = process
        self.notify = notify

    def context(self, browser: Browser) -> OperationContext:
        """Return what an operation for this browser is given."""
        from gateway.directory.operations.context import OperationContext  # noqa: PLC0415 - loads SQLAlchemy (30 MB)

        return OperationContext(
            directory=cast("Directory", self.authority.store),
            now=datetime.fromtimestamp(self._process.clock(), UTC),
            actor=Actor("sign_in", browser.ip, browser.request_id),
            on_change=self._changed,
            audit=self._process.audit,
            peppers=self.authority.peppers,
            tokens=self.authority.tokens,
        )

    async def finished(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Do it to its end, whoever waits: who hangs up must not leave a change that was made and not told.

        Raises what `work` raises, and DirectoryError when it takes too long.
        """
        task = self._process.tasks.start(_outcome(work), "sign-in")
        try:
            async with asyncio.timeout(_PATIENCE):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            raise DirectoryError(f"the directory did not answer within {_PATIENCE:g} s") from None
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def _changed(self, target: RevocationTarget, *, ended: bool = False) -> None:
        await self.notify(target, ended=ended)


async def _outcome(work: Coroutine[Any, Any, Done]) -> Done | GatewayError:
    """Return the error that was raised: a directory that cannot be asked is no failed task."""
    try:
        return await work
    except GatewayError as error:
        return error
