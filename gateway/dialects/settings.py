"""The keys that every session-info endpoint has in the config."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.model.route import LimitBy, RateLimit
from gateway.source.origins import HostName, Origin
from gateway.source.values import Rate, SettingsModel, StringList, listed


class Profile(StrEnum):
    """Whose behaviour is served where the documents and the product behind them differ (DIALECTS)."""

    DOCUMENTED = "documented"
    PRODUCT = "product"


class CorsSettings(SettingsModel):
    """Which foreign pages may read the answers, with the browser's credentials (Fetch standard, "CORS protocol")."""

    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = Field(min_length=1)


class EndpointLimitSettings(SettingsModel):
    """How many questions one caller may ask: by address before anybody is asked, else by whose session it is."""

    per: LimitBy = LimitBy.ADDRESS
    rate: Rate
    burst: int = Field(ge=1)
    shared: bool = True

    def to_rate_limit(self) -> RateLimit:
        """Return the model's noun, in tokens a second."""
        return RateLimit(per=self.per, rate=self.rate, burst=self.burst, shared=self.shared)


class EndpointSettings(SettingsModel):
    """One session-info endpoint.

    `credentials` names the readers that it reads and no others. `hosts` are the host names that it answers for; none
    means all.
    """

    credentials: StringList = Field(min_length=1)
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = ()
    profile: Profile = Profile.DOCUMENTED
    rate_limit: EndpointLimitSettings | None = None
    cors: CorsSettings | None = None
