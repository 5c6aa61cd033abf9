"""The table of proxies that have a forward-auth endpoint."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, PlainValidator

from gateway.endpoints.forward_auth import caddy, envoy, nginx, traefik
from gateway.endpoints.forward_auth.original import ForwardAuthEndpointSettings, ForwardAuthKind, OriginalReader
from gateway.source.kind_table import KindTable

FORWARD_AUTH = KindTable(
    ForwardAuthKind,
    "session_gateway.forward_auth",
    (nginx.KIND, traefik.KIND, caddy.KIND, envoy.KIND),
)
"""Every proxy that has an endpoint; installed packages add theirs."""


def build_reader(proxy: str, settings: ForwardAuthEndpointSettings) -> OriginalReader:
    """Return what reads the decision requests of a proxy; raises KindError for one that has no endpoint."""
    return FORWARD_AUTH.named(proxy).build(settings)


class _Named(msgspec.Struct, frozen=True):
    """What the config says of one proxy, with the proxy's name."""

    proxy: str
    written: Any


def _with_names(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: each if isinstance(each, ForwardAuthEndpointSettings) else _Named(name, each)
        for name, each in value.items()
    }


def _of_proxy(value: Any) -> Any:
    if not isinstance(value, _Named):
        return value
    return FORWARD_AUTH.settings(
        value.proxy, value.written, lambda kind, _: kind.settings, lambda kind, settings: kind.build(settings)
    )


ForwardAuthSettings = Annotated[
    dict[str, Annotated[ForwardAuthEndpointSettings, PlainValidator(_of_proxy)]], BeforeValidator(_with_names)
]
"""The forward-auth endpoints of a config by their proxies' names; only those that are in it exist."""
