"""What may stand under `sign_in` in the config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from pydantic import BeforeValidator, Field

from gateway.authorities.openid_messages import OpenIdClientSettings
from gateway.config.route_settings import Name, RateLimitSettings, RequireSettings
from gateway.model.route import LimitBy, RateLimit, Require
from gateway.source.addresses import HostName, Origin
from gateway.source.values import PositiveDuration, Rate, SettingsModel, listed

_WEEK = 7 * 86400.0
_SHORTEST_IDLE = 300.0
"""Seconds: a use of a session is stored within a minute or two, or the next one."""


class OidcProviderSettings(OpenIdClientSettings):
    """An OpenID provider that people sign in at; whoever does not meet `require` begins no session.

    `unknown` is what becomes of a subject that the directory does not know. With `refresh` a session's facts are asked
    for anew whenever the issuer's access token has expired. With `sign_out: issuer` a sign-out ends the
    session there too, and with `back_channel` one there ends ours.
    """

    kind: Literal["oidc"]
    title: str = ""
    unknown: Literal["create", "refuse"] = "create"
    require: RequireSettings = RequireSettings()
    refresh: bool = False
    sign_out: Literal["issuer", "local"] = "issuer"
    back_channel: bool = True

    def to_require(self) -> Require:
        """Return what the model has of `require`."""
        return msgspec.convert(self.require, Require, from_attributes=True)


class PasswordLimitSettings(SettingsModel):
    """How often a password may be tried: `burst` at once, then `rate`."""

    rate: Rate
    burst: int = Field(ge=1)

    def to_rate_limit(self) -> RateLimit:
        """Return what the model has of it."""
        return RateLimit(LimitBy.ADDRESS, self.rate, self.burst)


class PasswordProviderSettings(SettingsModel):
    """A form of ours, for users whose passwords the directory has (`gateway directory user password`).

    `threads` hash at once. `logins` are the products whose own clients sign in by it too. Guesses are limited by name
    and address together, by name, and by address.
    """

    kind: Literal["password"]
    title: str = ""
    threads: int = Field(default=2, ge=1, le=16)
    logins: Annotated[tuple[Literal["rocketchat", "memghost"], ...], BeforeValidator(listed)] = ()
    per_name_and_address: PasswordLimitSettings = PasswordLimitSettings(rate="5/m", burst=5)
    per_name: PasswordLimitSettings = PasswordLimitSettings(rate="30/m", burst=30)
    per_address: PasswordLimitSettings = PasswordLimitSettings(rate="20/m", burst=20)


ProviderSettings = Annotated[OidcProviderSettings | PasswordProviderSettings, Field(discriminator="kind")]
"""What may stand under `sign_in.providers`; `kind` tells them apart."""


class SignInLimitSettings(RateLimitSettings):
    """How many requests of one address the own paths of a sign-in take."""

    per: Literal[LimitBy.ADDRESS] = LimitBy.ADDRESS
    rate: Rate = 0.5
    burst: int = Field(default=30, ge=1)

    def to_rate_limit(self) -> RateLimit:
        """Return what the model has of it."""
        return RateLimit(self.per, self.rate, self.burst, self.shared)


class SignInSettings(SettingsModel):
    """How browsers begin a session: which cookie it is shown by, how long it lasts, and where people sign in.

    `hosts` are the host names that sign people in; none means all. Several hosts share the cookie where there is a
    `cookie_domain`. `lifetime` is a session's, which ends sooner when it was not in use for `idle`, and `flow` that of
    a sign-in that was begun, of which one browser may have `flows`; all in seconds. `return_to` are other origins that
    one may come back to.
    """

    reader: Name
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = ()
    cookie_domain: HostName | None = None
    lifetime: PositiveDuration = _WEEK
    idle: Annotated[PositiveDuration, Field(ge=_SHORTEST_IDLE)] | None = 86400.0
    flow: PositiveDuration = 600.0
    flows: int = Field(default=6, ge=1, le=32)
    return_to: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = ()
    rate_limit: SignInLimitSettings = SignInLimitSettings()
    providers: dict[Name, ProviderSettings] = Field(min_length=1)

    def logins(self) -> Iterator[tuple[str, str]]:
        """Yield each provider of passwords with each product whose clients sign in by it."""
        for name, provider in self.providers.items():
            if isinstance(provider, PasswordProviderSettings):
                yield from ((name, product) for product in provider.logins)

    @property
    def idle_seconds(self) -> int | None:
        """`idle` in whole seconds."""
        return None if self.idle is None else int(self.idle)
