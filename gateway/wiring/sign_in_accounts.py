"""The directory as a sign-in knows it: sessions are begun, refreshed and ended there, and told to who caches them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gateway.config.sign_in_settings import SignInSettings
from gateway.endpoints.sign_in.sign_in_parts import Browser, IssuerSession
from gateway.model.errors import DirectoryError, MissingRecordError
from gateway.model.external_identity import (
    EndedAtIssuer,
    ExternalIdentity,
    ProviderTokens,
    Redeemed,
)
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.sign_in.token_sealing import TokenSealer
from gateway.wiring.sign_in_directory import NOBODY, SignInDirectory

if TYPE_CHECKING:
    from gateway.directory.operations.sign_in_operations import DueRefresh


class DirectoryAccounts:
    """The directory's operations as the endpoints know them; implements SignInAccounts."""

    def __init__(self, directory: SignInDirectory, settings: SignInSettings, secrets: tuple[bytes, ...]) -> None:
        self._directory = directory
        self._settings = settings
        self._sealer = TokenSealer(secrets)

    async def sign_in(
        self, identity: ExternalIdentity, tokens: ProviderTokens, browser: Browser, *, create: bool
    ) -> str | None:
        """Begin a session and return the value of its cookie."""
        from gateway.directory.operations.sign_in_operations import (  # noqa: PLC0415 - loads SQLAlchemy (30 MB)
            ExternalSession,
            sign_in_external,
        )

        context = self._directory.context(browser)
        new = ExternalSession(
            identity=identity,
            sealed=self._sealer.seal(tokens, identity.issuer, identity.subject),
            ttl=self._settings.lifetime,
            idle=self._settings.idle_seconds,
            fresh_until=None if tokens.fresh_until is None else datetime.fromtimestamp(tokens.fresh_until, UTC),
            ip=browser.ip,
            host=browser.host,
            user_agent=browser.user_agent or None,
        )
        session = await self._directory.finished(sign_in_external(context, new, create=create))
        return None if session is None else context.required_tokens.issue_cookie(session, self._settings.lifetime)

    async def claim_refresh(self, session_id: str) -> DueRefresh | None:
        """Return what to redeem for a session, to one process alone."""
        from gateway.directory.operations.sign_in_operations import claim_refresh  # noqa: PLC0415 - see above

        return await claim_refresh(self._directory.context(NOBODY), session_id)

    def opened(self, due: DueRefresh) -> ProviderTokens | None:
        """Return the issuer's tokens as they can be redeemed."""
        return self._sealer.open(due.tokens.sealed, due.tokens.issuer, due.tokens.subject)

    async def keep_refreshed(self, session_id: str, due: DueRefresh, redeemed: Redeemed) -> None:
        """Store what a refresh brought."""
        from gateway.directory.operations.sign_in_operations import (  # noqa: PLC0415 - see above
            RefreshedTokens,
            keep_refreshed,
        )

        identity, tokens = redeemed.identity, redeemed.tokens
        fresh = None if tokens.fresh_until is None else datetime.fromtimestamp(tokens.fresh_until, UTC)
        sealed = RefreshedTokens(self._sealer.seal(tokens, identity.issuer, identity.subject), fresh)
        await keep_refreshed(self._directory.context(NOBODY), session_id, due, identity, sealed)

    async def issuer_session(self, session_id: str, browser: Browser) -> IssuerSession | None:
        """Return the issuer's side of a session."""
        from gateway.directory.operations.sign_in_operations import provider_tokens  # noqa: PLC0415 - see above

        stored = await provider_tokens(self._directory.context(browser), session_id)
        if stored is None:
            return None
        tokens = self._sealer.open(stored.sealed, stored.issuer, stored.subject)
        return None if tokens is None else IssuerSession(stored.provider, tokens.id_token)

    async def end(self, session_id: str, browser: Browser) -> None:
        """End a session in the directory and wherever it is cached; raises DirectoryError where that was not done."""
        from gateway.directory.operations.session_operations import end_session  # noqa: PLC0415 - see above

        told: list[bool] = []

        async def tell(target: RevocationTarget, *, ended: bool = False) -> None:
            told.append(await self._directory.notify(target, ended=ended))

        context = msgspec.structs.replace(self._directory.context(browser), on_change=tell)
        try:
            await self._directory.finished(end_session(context, session_id))
        except MissingRecordError:  # whatever is cached of it ends all the same
            await tell(RevocationTarget(RevocationKind.SESSION, session_id), ended=True)
        if not all(told):
            raise DirectoryError("a session could not be ended everywhere")

    async def end_at_issuer(self, ended: EndedAtIssuer, browser: Browser) -> bool:
        """End what a logout token names; False for one that was used before."""
        from gateway.directory.operations.sign_in_operations import end_at_issuer  # noqa: PLC0415 - see above

        return await self._directory.finished(end_at_issuer(self._directory.context(browser), ended)) is not None
