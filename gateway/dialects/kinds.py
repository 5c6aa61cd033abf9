"""The table of the dialects: from the name in the config to the dialect."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

from pydantic import Field

from gateway.dialects.composio import Composio, ComposioSettings
from gateway.dialects.dialect import Dialect, Renew
from gateway.dialects.memghost import Memghost, MemghostSettings
from gateway.dialects.rocketchat import Rocketchat, RocketchatSettings
from gateway.dialects.wacht import COOKIE, Wacht, WachtSettings

DialectSettings = Annotated[
    ComposioSettings | WachtSettings | MemghostSettings | RocketchatSettings,
    Field(discriminator="dialect"),
]
"""An entry under `session_info` in the config; `dialect` selects the class."""

DialectName = Literal["composio", "wacht", "memghost", "rocketchat"]
"""The dialects of remote authorities."""


def build_dialect(settings: DialectSettings, renew: Renew | None = None, cookie: str = COOKIE) -> Dialect:
    """Make the dialect of a session-info endpoint; `renew` signs the values of `cookie` for those that set one."""
    match settings:
        case ComposioSettings():
            return Composio()
        case WachtSettings():
            return Wacht(settings.profile, renew, cookie=cookie, development=settings.development)
        case MemghostSettings():
            return Memghost()
        case RocketchatSettings():
            return Rocketchat(settings.profile)
        case _ as never:
            assert_never(never)


def dialect_named(name: DialectName) -> Dialect:
    """Make the dialect that a remote authority is asked in; it decodes both profiles."""
    match name:
        case "composio":
            return Composio()
        case "wacht":
            return Wacht()
        case "memghost":
            return Memghost()
        case "rocketchat":
            return Rocketchat()
        case _ as never:
            assert_never(never)
