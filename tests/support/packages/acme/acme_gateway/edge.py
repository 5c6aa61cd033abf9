"""Acme's own proxy, which may ask whether a request may pass."""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import (
    EndpointPath,
    ForwardAuthEndpointSettings,
    ForwardAuthKind,
    ForwardedReader,
)


class AcmeEdgeSettings(ForwardAuthEndpointSettings):
    """The endpoint of Acme's proxy."""

    path: EndpointPath = "/_gateway/auth/acme"


KIND = ForwardAuthKind("acme_edge", AcmeEdgeSettings, lambda _settings: ForwardedReader("acme_edge"))
