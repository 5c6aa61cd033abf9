"""Traefik's `ForwardAuth` middleware.

It sends a GET and overwrites all five X-Forwarded fields, unless its config trusts those of the client. The path is
normalised before that; its router and the application get the same one.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import (
    EndpointPath,
    ForwardAuthEndpointSettings,
    ForwardAuthKind,
    ForwardedReader,
)

_OWN = frozenset({b"x-forwarded-port", b"x-forwarded-server", b"x-real-ip"})
"""What its entry points set; a client's are removed there, unless `forwardedHeaders` trusts it."""


class TraefikSettings(ForwardAuthEndpointSettings):
    """Traefik's endpoint."""

    path: EndpointPath = "/_gateway/auth/traefik"


class TraefikReader(ForwardedReader):
    """Reads what Traefik overwrites."""

    def __init__(self) -> None:
        super().__init__("traefik", _OWN)


KIND = ForwardAuthKind("traefik", TraefikSettings, lambda _settings: TraefikReader())
