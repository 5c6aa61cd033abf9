"""The keys that every session-info endpoint has in the config."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.model.route import LimitBy, RateLimit
from gateway.source.addresses import HostName, Origin
from gateway.source.values import Rate, SettingsModel, StringList, listed


class Profile(StrEnum):
    """Which behaviour is served where a product differs from its document: the document's or the product's."""

    DOCUMENTED = "documented"
    PRODUCT = "product"


class CorsSettings(SettingsModel):
    """Which foreign pages may read the answers, with the browser's credentials (Fetch standard, "CORS protocol")."""

    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = Field(min_length=1)


class EndpointLimitSettings(SettingsModel):
    """How many requests one caller may make: by address before any look-up, else by session."""

    per: LimitBy = LimitBy.ADDRESS
    rate: Rate
    burst: int = Field(ge=1)
    shared: bool = True

    def to_rate_limit(self) -> RateLimit:
        """Return the model's RateLimit, in requests a second."""
        return RateLimit(per=self.per, rate=self.rate, burst=self.burst, shared=self.shared)


class EndpointSettings(SettingsModel):
    """One session-info endpoint.

    It reads with the readers named in `credentials` and no others. `hosts` are the host names that it answers for;
    none means all. `dialect` is the name of its kind.
    """

    dialect: str = ""
    credentials: StringList = Field(min_length=1)
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = ()
    profile: Profile = Profile.DOCUMENTED
    rate_limit: EndpointLimitSettings | None = None
    cors: CorsSettings | None = None
