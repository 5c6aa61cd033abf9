"""The directory as a sign-in knows it: sessions are begun, refreshed and ended there, and told to who caches them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
import structlog

from gateway.authorities.directory import DirectoryAuthority
from gateway.config.sign_in_settings import PasswordProviderSettings, SignInSettings
from gateway.directory.password_hashing import PasswordHashing
from gateway.endpoints.sign_in.sign_in_parts import Browser, IssuerSession, OpenedLogin
from gateway.model.errors import DirectoryError, GatewayError, MissingRecordError
from gateway.model.external_identity import (
    EndedAtIssuer,
    ExternalIdentity,
    ProviderTokens,
    Redeemed,
)
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.sign_in.token_sealing import TokenSealer
from gateway.telemetry.audit import Actor
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring

if TYPE_CHECKING:
    from gateway.directory.operations.context import OperationContext
    from gateway.directory.operations.sign_in_operations import DueRefresh
    from gateway.directory.store import Directory

NOBODY = Browser("", "", "", "")
_PATIENCE = 10.0
"""Seconds; a person waits."""
Done = TypeVar("Done")
_log = structlog.get_logger(__name__)


class DirectoryAccounts:
    """The directory's operations as the endpoints know them; implements SignInAccounts.

    Each is done in a task of its own: whoever hangs up must not leave a change that was made and not told.
    """

    def __init__(
        self,
        authority: DirectoryAuthority,
        sessions: SessionsWiring,
        process: Process,
        settings: SignInSettings,
        secrets: tuple[bytes, ...],
    ) -> None:
        self._authority = authority
        self._sessions = sessions
        self._process = process
        self._settings = settings
        self._sealer = TokenSealer(secrets)
        self._passwords: PasswordHashing | None = None

    async def sign_in(
        self, identity: ExternalIdentity, tokens: ProviderTokens, browser: Browser, *, create: bool
    ) -> str | None:
        """Begin a session and return the value of its cookie."""
        from gateway.directory.operations.sign_in_operations import (  # noqa: PLC0415 - loads SQLAlchemy (30 MB)
            ExternalSession,
            sign_in_external,
        )

        context = self._context(browser)
        new = ExternalSession(
            identity=identity,
            sealed=self._sealer.seal(tokens, identity.issuer, identity.subject),
            ttl=self._settings.lifetime,
            fresh_until=None if tokens.fresh_until is None else datetime.fromtimestamp(tokens.fresh_until, UTC),
            ip=browser.ip,
            host=browser.host,
            user_agent=browser.user_agent or None,
        )
        session = await self._finished(sign_in_external(context, new, create=create))
        return None if session is None else context.required_tokens.issue_cookie(session)

    async def sign_in_by_password(self, provider: str, login: str, password: str, browser: Browser) -> str | None:
        """Begin a session for a name and its password; None where one of them is wrong, after as long a time."""
        from gateway.directory.operations.password_operations import sign_in_by_password  # noqa: PLC0415 - see above
        from gateway.directory.operations.session_rows import NewSession  # noqa: PLC0415 - see above

        context = self._context(browser)
        user_id = await self._user_of_password(context, login, password)
        if user_id is None:
            return None
        new = NewSession(user=user_id, credentials=(), **self._opened_by(provider, browser))
        return context.required_tokens.issue_cookie(await self._finished(sign_in_by_password(context, new)))

    async def open_login(self, provider: str, login: str, password: str, browser: Browser) -> OpenedLogin | None:
        """Begin a session with a login token; None where the name or the password is wrong."""
        from gateway.directory.operations.session_operations import create_session  # noqa: PLC0415 - see above
        from gateway.directory.operations.session_rows import NewSession  # noqa: PLC0415 - see above
        from gateway.directory.operations.user_operations import show_user  # noqa: PLC0415 - see above

        context = self._context(browser)
        user_id = await self._user_of_password(context, login, password)
        if user_id is None:
            return None
        person = await show_user(context, user_id)
        new = NewSession(user=user_id, credentials=("pair",), **self._opened_by(provider, browser))
        pair = (await self._finished(create_session(context, new))).pair
        if pair is None:
            return None
        return OpenedLogin(user_id, pair.token, person.username, person.name, person.email, person.roles)

    async def _user_of_password(self, context: OperationContext, login: str, password: str) -> str | None:
        """Return whose name and password they are; nobody's take as long."""
        from gateway.directory.operations.password_operations import keep_rehashed, password_of  # noqa: PLC0415 - see above

        stored = await password_of(context, login)
        verified = await self._hashing().verify(None if stored is None else stored.hash, password)
        if stored is None or not verified.right:
            return None
        if verified.rehashed:
            await keep_rehashed(context, stored, verified.rehashed)
        return stored.user_id

    def _opened_by(self, provider: str, browser: Browser) -> dict[str, Any]:
        """Return the fields of a new session that say how it was opened."""
        return {
            "ip": browser.ip,
            "host": browser.host,
            "user_agent": browser.user_agent or None,
            "login_type": provider,
            "ttl": self._settings.lifetime,
        }

    def _hashing(self) -> PasswordHashing:
        """Return what hashes passwords, made when the first one is checked; raises DirectoryError without argon2."""
        if self._passwords is None:
            providers = self._settings.providers.values()
            threads = max(each.threads for each in providers if isinstance(each, PasswordProviderSettings))
            self._passwords = PasswordHashing(threads)
        return self._passwords

    async def claim_refresh(self, session_id: str) -> DueRefresh | None:
        """Return what to redeem for a session, to one process alone."""
        from gateway.directory.operations.sign_in_operations import claim_refresh  # noqa: PLC0415 - see above

        return await claim_refresh(self._context(NOBODY), session_id)

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
        await keep_refreshed(self._context(NOBODY), session_id, due, identity, sealed)

    async def issuer_session(self, session_id: str, browser: Browser) -> IssuerSession | None:
        """Return the issuer's side of a session."""
        from gateway.directory.operations.sign_in_operations import provider_tokens  # noqa: PLC0415 - see above

        stored = await provider_tokens(self._context(browser), session_id)
        if stored is None:
            return None
        tokens = self._sealer.open(stored.sealed, stored.issuer, stored.subject)
        return None if tokens is None else IssuerSession(stored.provider, tokens.id_token)

    async def end(self, session_id: str, browser: Browser) -> None:
        """End a session in the directory and wherever it is cached; raises DirectoryError where that was not done."""
        from gateway.directory.operations.session_operations import end_session  # noqa: PLC0415 - see above

        told: list[bool] = []

        async def tell(target: RevocationTarget, *, ended: bool = False) -> None:
            told.append(await self._tell(target, ended=ended))

        context = msgspec.structs.replace(self._context(browser), on_change=tell)
        try:
            await self._finished(end_session(context, session_id))
        except MissingRecordError:  # whatever is cached of it ends all the same
            await tell(RevocationTarget(RevocationKind.SESSION, session_id), ended=True)
        if not all(told):
            raise DirectoryError("a session could not be ended everywhere")

    async def end_at_issuer(self, ended: EndedAtIssuer, browser: Browser) -> bool:
        """End what a logout token names; False for one that was used before."""
        from gateway.directory.operations.sign_in_operations import end_at_issuer  # noqa: PLC0415 - see above

        return await self._finished(end_at_issuer(self._context(browser), ended)) is not None

    async def _finished(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Do it to its end, whoever waits; raises what `work` raises, and DirectoryError when it takes too long."""
        task = self._process.tasks.start(_outcome(work), "sign-in")
        try:
            async with asyncio.timeout(_PATIENCE):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            raise DirectoryError(f"the directory did not answer within {_PATIENCE:g} s") from None
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    def _context(self, browser: Browser) -> OperationContext:
        from gateway.directory.operations.context import OperationContext  # noqa: PLC0415 - see above

        return OperationContext(
            directory=cast("Directory", self._authority.store),
            now=datetime.fromtimestamp(self._process.clock(), UTC),
            actor=Actor("sign_in", browser.ip, browser.request_id),
            on_change=self._changed,
            audit=self._process.audit,
            tokens=self._authority.tokens,
        )

    async def _changed(self, target: RevocationTarget, *, ended: bool = False) -> None:
        await self._tell(target, ended=ended)

    async def _tell(self, target: RevocationTarget, *, ended: bool) -> bool:
        """Tell this generation, and all others by the bus; without one, those of this gateway."""
        revoker = self._sessions.revoker
        told = await (revoker.revoke(target) if ended else revoker.changed(target))
        if self._sessions.redis.bus_up() is None:
            await self._process.tell_others(target, ended=ended)
        return told


async def _outcome(work: Coroutine[Any, Any, Done]) -> Done | GatewayError:
    """Return the error that was raised: a directory that cannot be asked is no failed task."""
    try:
        return await work
    except GatewayError as error:
        return error
