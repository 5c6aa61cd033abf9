"""The endpoints by which browsers sign in and out, built from one config; nothing where it has no `sign_in`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import cast

from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.authorities.openid_provider import OpenIdProvider
from gateway.config.settings import Settings
from gateway.config.sign_in_settings import (
    OidcProviderSettings,
    PasswordProviderSettings,
    ProviderSettings,
    SignInSettings,
)
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.reader import CredentialReading
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.sign_in.back_channel import BackChannelLogoutEndpoint
from gateway.endpoints.sign_in.begin_sign_in import BeginSignInEndpoint
from gateway.endpoints.sign_in.password_sign_in import PasswordSignInEndpoint
from gateway.endpoints.sign_in.product_login import ProductLoginEndpoint
from gateway.endpoints.sign_in.product_logins import PRODUCT_LOGINS
from gateway.endpoints.sign_in.sign_in_callback import SignInCallbackEndpoint
from gateway.endpoints.sign_in.sign_in_parts import PasswordEntry, ProviderEntry, SignInEntry, SignInParts, limiter
from gateway.endpoints.sign_in.sign_out import SignOutEndpoint
from gateway.gate import Gate
from gateway.model.errors import GatewayError
from gateway.model.route import OnMany
from gateway.model.target import Oddity
from gateway.policy.limits import Limits
from gateway.policy.rules import Rules
from gateway.sign_in.flow import FlowCookies
from gateway.sign_in.return_target import ReturnTargets
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.password_accounts import PasswordAccounts
from gateway.wiring.process import Process
from gateway.wiring.redis import secrets_of
from gateway.wiring.sessions import SessionsWiring
from gateway.wiring.sign_in_accounts import DirectoryAccounts
from gateway.wiring.sign_in_directory import SignInDirectory
from gateway.wiring.sign_in_refreshing import Refreshing


class SignInWiring:
    """What a generation's sign-in is built of; `open_providers` made the providers."""

    def __init__(
        self,
        settings: Settings,
        providers: Mapping[str, OpenIdProvider],
        sessions: SessionsWiring,
        process: Process,
    ) -> None:
        self._settings = settings
        self._providers = providers
        self._sessions = sessions
        self._process = process

    def endpoints(self, gate: Gate, limits: Limits, oddities: frozenset[Oddity]) -> Iterator[Endpoint]:
        """Yield the endpoints; `oddities` is what some route allows a path to hold."""
        sign_in = self._settings.sign_in
        if sign_in is None:
            return
        directory = self._directory(sign_in)
        parts = self._parts(sign_in, self._accounts(directory, sign_in), limits, oddities)
        logins = PasswordAccounts(directory, sign_in)
        reading = CredentialReading([self._sessions.readers[sign_in.reader]], OnMany.REJECT)
        yield BeginSignInEndpoint(parts)
        yield SignOutEndpoint(parts, gate, reading)
        for entry in parts.providers.values():
            if isinstance(entry, PasswordEntry):
                yield PasswordSignInEndpoint(parts, entry, logins, gate, reading, limits)
                for product in entry.logins:
                    yield ProductLoginEndpoint(PRODUCT_LOGINS[product](), entry, logins, limits, parts.hosts)
                continue
            yield SignInCallbackEndpoint(parts, entry, gate, reading)
            if entry.back_channel:
                yield BackChannelLogoutEndpoint(parts, entry)

    def _parts(
        self, sign_in: SignInSettings, accounts: DirectoryAccounts, limits: Limits, oddities: frozenset[Oddity]
    ) -> SignInParts:
        reader = cast("CookieSettings", self._settings.credentials[sign_in.reader])
        secrets, clock = secrets_of(self._settings), self._process.clock
        return SignInParts(
            providers={name: self._entry(name, each) for name, each in sign_in.providers.items()},
            accounts=accounts,
            flows=FlowCookies(secrets, clock, lasts=sign_in.flow, most=sign_in.flows),
            targets=ReturnTargets(sign_in.return_to, oddities),
            limiter=limiter(sign_in.rate_limit.to_rate_limit(), limits),
            hosts=frozenset(sign_in.hosts),
            cookie=reader.name,
            domain=sign_in.cookie_domain or "",
            now=self._process.now,
        )

    def _directory(self, sign_in: SignInSettings) -> SignInDirectory:
        reader = cast("CookieSettings", self._settings.credentials[sign_in.reader])
        notify = ChangeNotifier(self._sessions.revoker, self._process, has_bus=self._settings.redis is not None)
        return SignInDirectory(_directory_of(reader, self._sessions), notify, self._process)

    def _accounts(self, directory: SignInDirectory, sign_in: SignInSettings) -> DirectoryAccounts:
        """Return the directory's operations; look-ups ask the providers that want it for newer facts from now on."""
        accounts = DirectoryAccounts(directory, sign_in, secrets_of(self._settings))
        refreshable = {
            name: self._providers[name]
            for name, each in sign_in.providers.items()
            if isinstance(each, OidcProviderSettings) and each.refresh
        }
        if refreshable:
            directory.authority.freshen = Refreshing(accounts, refreshable, self._process.tasks).freshen
        return accounts

    def _entry(self, name: str, settings: ProviderSettings) -> SignInEntry:
        if isinstance(settings, PasswordProviderSettings):
            return PasswordEntry(
                name,
                settings.title or name,
                settings.per_name_and_address.to_rate_limit(),
                settings.per_name.to_rate_limit(),
                settings.per_address.to_rate_limit(),
                settings.logins,
            )
        return ProviderEntry(
            provider=self._providers[name],
            title=settings.title or name,
            rules=Rules(settings.to_require()),
            create=settings.unknown == "create",
            ends_at_issuer=settings.sign_out == "issuer",
            back_channel=settings.back_channel,
        )


async def open_providers(settings: Settings, process: Process, stack: AsyncExitStack) -> dict[str, OpenIdProvider]:
    """Open the client of each provider, to be closed by `stack`; raises GatewayError for files that cannot be used."""
    providers: dict[str, OpenIdProvider] = {}
    for name, each in settings.sign_in.providers.items() if settings.sign_in is not None else ():
        if not isinstance(each, OidcProviderSettings):
            continue
        free = tuple(sorted(each.require.every_claim()))
        try:
            providers[name] = OpenIdProvider(name, each, process.clock, process.now, free=free)
        except (OSError, ValueError) as error:
            raise GatewayError(f"sign_in.providers.{name}: a file cannot be used: {error}") from error
        stack.push_async_callback(providers[name].close)
    return providers


def _directory_of(reader: CookieSettings, sessions: SessionsWiring) -> DirectoryAuthority:
    """Return the directory that begins the sessions of a cookie: the first of its authorities that can."""
    authorities = (sessions.authorities[name] for name in reader.authority)
    return next(each for each in authorities if isinstance(each, DirectoryAuthority) and each.tokens is not None)
