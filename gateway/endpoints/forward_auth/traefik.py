"""Traefik's `ForwardAuth` middleware.

It sends a GET and overwrites all five X-Forwarded fields, unless it is told to trust those of its client. The path has
been normalised before that; its router and the application are given the same one.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import EndpointPath, ForwardAuthEndpointSettings
from gateway.endpoints.forward_auth.x_forwarded import ForwardedReader


class TraefikSettings(ForwardAuthEndpointSettings):
    """Traefik's endpoint."""

    path: EndpointPath = "/_gateway/auth/traefik"


class TraefikReader(ForwardedReader):
    """Reads what Traefik overwrites."""

    def __init__(self) -> None:
        super().__init__("traefik")
