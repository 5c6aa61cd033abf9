"""What the table of kinds says of a dialect: how it is served, how it is spoken, or one of the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.dialects.dialect import DialectClient, DialectServer, Renew
from gateway.dialects.settings import EndpointSettings
from gateway.source.values import SettingsModel


class SpokenSettings(SettingsModel):
    """What a dialect asks of the config of a remote authority, beside the keys that every remote has; here nothing."""


class CookieIssue(msgspec.Struct, frozen=True):
    """The cookie that an endpoint's reader reads, empty where it reads none, and what signs new values of it."""

    cookie: str = ""
    renew: Renew | None = None


class ServerFactory(msgspec.Struct, frozen=True):
    """`build` makes what answers, of an entry of `session_info` that `settings` describes."""

    settings: type[EndpointSettings]
    build: Callable[[Any, CookieIssue], DialectServer]


class ClientFactory(msgspec.Struct, frozen=True):
    """`build` makes what asks and decodes, of the keys that `settings` adds to those of a remote authority."""

    build: Callable[[Any], DialectClient]
    settings: type[SpokenSettings] = SpokenSettings


class DialectKind(msgspec.Struct, frozen=True):
    """One dialect; `served` or `spoken` is None where it goes one way alone."""

    name: str
    served: ServerFactory | None = None
    spoken: ClientFactory | None = None
