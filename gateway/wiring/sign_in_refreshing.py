"""Facts of sessions that their issuers are asked for anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from gateway.authorities.openid_provider import OpenIdProvider
from gateway.model.external_identity import Redeemed, SignInRefused
from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.sign_in_accounts import DirectoryAccounts
from gateway.wiring.sign_in_directory import NOBODY

if TYPE_CHECKING:
    from gateway.directory.operations.sign_in_operations import DueRefresh

_log = structlog.get_logger(__name__)


class Refreshing:
    """Asks issuers anew for the facts of sessions: one process in the fleet for each, and nobody waits for the others.

    `providers` are those of whose people it asks.
    """

    def __init__(self, accounts: DirectoryAccounts, providers: Mapping[str, OpenIdProvider], tasks: TaskKeeper) -> None:
        self._accounts = accounts
        self._providers = providers
        self._tasks = tasks

    async def freshen(self, session_id: str) -> bool:
        """Bring a session up to date where that is due; tell whether its rows have changed.

        In a task of its own: a look-up that takes too long is cancelled, and a refresh token that was redeemed is used
        up, so that its successor must be stored in any case.
        """
        due = await self._accounts.claim_refresh(session_id)
        if due is None:
            return False
        return await asyncio.shield(self._tasks.start(self._refresh(session_id, due), "refresh of a session"))

    async def _refresh(self, session_id: str, due: DueRefresh) -> bool:
        """Redeem what was claimed.

        Who is refused (`invalid_grant`) has no session any more; an issuer that cannot be asked leaves it as it was.
        """
        provider = self._providers.get(due.tokens.provider)
        if provider is None:
            return False
        tokens = self._accounts.opened(due)
        fresh = SignInRefused("no secret opens its tokens")
        redeemed = fresh if tokens is None else await provider.refresh(tokens, due.tokens.subject)
        if isinstance(redeemed, Redeemed):
            await self._accounts.keep_refreshed(session_id, due, redeemed)
            return True
        _log.warning("refresh_failed", provider=provider.name, detail=redeemed.detail)
        if isinstance(redeemed, SignInRefused):
            await self._accounts.end(session_id, NOBODY)
            return True
        return False
