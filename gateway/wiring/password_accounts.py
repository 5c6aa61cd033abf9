"""The passwords of a directory, by which a form of ours and products' clients begin sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.config.sign_in_settings import PasswordProviderSettings, SignInSettings
from gateway.dialects.action import TokenPairGranted
from gateway.directory.password_hashing import PasswordHashing
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin, PasswordAttempt
from gateway.model.session import Session
from gateway.wiring.sign_in_directory import SignInDirectory

if TYPE_CHECKING:
    from gateway.directory.operations.context import OperationContext
    from gateway.directory.operations.password_operations import StoredPassword
    from gateway.directory.operations.session_rows import IssuedSession


class PasswordAccounts:
    """Checks passwords and opens sessions; implements PasswordLogins. `hashing` is made for a number of threads."""

    def __init__(
        self,
        directory: SignInDirectory,
        settings: SignInSettings,
        hashing: Callable[[int], PasswordHashing] = PasswordHashing,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._hashing_for = hashing
        self._made: PasswordHashing | None = None

    async def open(self, attempt: PasswordAttempt, wanted: LoginCredentials) -> OpenedLogin | None:
        """Begin a session for a name and its password; None where one of them is wrong, after as long a time."""
        from gateway.directory.operations.password_operations import is_set_still  # noqa: PLC0415 - SQLAlchemy, 30 MB
        from gateway.directory.operations.session_operations import create_session, end_session  # noqa: PLC0415 - see above
        from gateway.directory.operations.session_rows import NewSession  # noqa: PLC0415 - see above

        context, browser = self._directory.context(attempt.browser), attempt.browser
        stored = await self._verified(context, attempt)
        if stored is None:
            return None
        new = NewSession(
            user=stored.user_id,
            ip=browser.ip,
            host=browser.host,
            user_agent=browser.user_agent or None,
            login_type=attempt.provider,
            ttl=self._settings.lifetime,
            idle=self._settings.idle_seconds,
            credentials={"cookie": (), "pair": ("pair",), "tokens": ("bearer", "refresh")}[wanted],  # type: ignore[arg-type]
        )
        issued = await self._directory.finished(create_session(context, new))
        if not await is_set_still(context, stored):  # whoever set another one meant to end what this one opens
            await self._directory.finished(end_session(context, issued.session.id))
            return None
        return await self._opened(context, issued, wanted)

    async def _opened(self, context: OperationContext, issued: IssuedSession, wanted: LoginCredentials) -> OpenedLogin:
        """Return the credentials of a new session as its caller shows them."""
        from gateway.directory.operations.user_operations import show_user  # noqa: PLC0415 - see above

        user_id, row, tokens = issued.session.user or "", issued.session, context.required_tokens
        if wanted == "cookie":
            named = Session(subject=user_id, id=row.id, expires_at=row.expires_at)
            return OpenedLogin(user_id=user_id, cookie=tokens.issue_cookie(named, self._settings.lifetime))
        if wanted == "tokens":
            lasts = tokens.lasts(row.expires_at)
            return OpenedLogin(
                user_id=user_id, granted=TokenPairGranted(issued.bearer or "", issued.refresh or "", lasts)
            )
        person, token = await show_user(context, user_id), issued.pair.token if issued.pair is not None else ""
        return OpenedLogin(
            user_id=user_id,
            token=token,
            username=person.username,
            name=person.name,
            email=person.email,
            roles=person.roles,
        )

    async def _verified(self, context: OperationContext, attempt: PasswordAttempt) -> StoredPassword | None:
        """Return whose name and password they are; nobody's take as long."""
        from gateway.directory.operations.password_operations import keep_rehashed, password_of  # noqa: PLC0415 - see above

        stored = await password_of(context, attempt.login)
        verified = await self._hashing().verify(None if stored is None else stored.hash, attempt.password)
        if stored is None or not verified.right:
            return None
        if verified.rehashed:
            await keep_rehashed(context, stored, verified.rehashed)
        return stored

    def _hashing(self) -> PasswordHashing:
        """Return what hashes passwords, made when the first one is checked; raises DirectoryError without argon2."""
        if self._made is None:
            providers = self._settings.providers.values()
            threads = max(each.threads for each in providers if isinstance(each, PasswordProviderSettings))
            self._made = self._hashing_for(threads)
        return self._made
