"""The table of the dialects: from the name in the config to the dialect."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from gateway.dialects import (
    better_auth,
    composio,
    custom,
    kratos,
    memghost,
    oauth2_proxy,
    oidc_userinfo,
    rocketchat,
    supabase,
    wacht,
)
from gateway.dialects.dialect import DialectClient, DialectServer
from gateway.dialects.dialect_kind import CookieIssue, DialectKind, SpokenSettings
from gateway.dialects.settings import EndpointSettings
from gateway.model.errors import KindError
from gateway.source.kind_table import KindTable

DIALECTS = KindTable(
    DialectKind,
    "session_gateway.dialects",
    (
        composio.KIND,
        wacht.KIND,
        memghost.KIND,
        rocketchat.KIND,
        kratos.KIND,
        better_auth.KIND,
        oauth2_proxy.KIND,
        oidc_userinfo.KIND,
        supabase.KIND,
        custom.KIND,
    ),
)
"""Every dialect; installed packages add theirs."""


def served_settings(kind: DialectKind, _written: object = None) -> type[EndpointSettings] | None:
    """Return the class of the settings of an endpoint in that dialect, None where it is spoken only."""
    return None if kind.served is None else kind.served.settings


def spoken_settings(kind: DialectKind, _written: object = None) -> type[SpokenSettings] | None:
    """Return the class of the keys that a remote authority has for that dialect, None where it is served only."""
    return None if kind.spoken is None else kind.spoken.settings


def serve(settings: EndpointSettings, issue: CookieIssue = CookieIssue()) -> DialectServer:  # noqa: B008 - frozen
    """Make what answers at a session-info endpoint; raises KindError for a dialect that is spoken only."""
    served = DIALECTS.named(settings.dialect).served
    if served is None:
        raise KindError(f"{settings.dialect} is spoken only")
    return served.build(settings, issue)


def speak(dialect: str, settings: SpokenSettings) -> DialectClient:
    """Make what asks a remote authority; raises KindError for a dialect that is served only."""
    spoken = DIALECTS.named(dialect).spoken
    if spoken is None:
        raise KindError(f"{dialect} is served only")
    return spoken.build(settings)


def _probe(_kind: DialectKind, settings: EndpointSettings) -> None:
    server = serve(settings)
    _ = [server.documented(str(path)) for path in server.paths]


DialectSettings = Annotated[
    EndpointSettings,
    PlainValidator(DIALECTS.validator("dialect", served_settings, _probe)),
]
"""An entry under `session_info` in the config; `dialect` selects the class."""
