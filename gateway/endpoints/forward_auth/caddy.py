"""Caddy's `forward_auth` directive.

It sends a GET to the endpoint's path with the query of the original request, and overwrites all five X-Forwarded
fields. The application still gets the client's X-Forwarded-Method and -Uri, unless the config clears them as
`deploy/caddy/` does.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import (
    EndpointPath,
    ForwardAuthEndpointSettings,
    ForwardAuthKind,
    ForwardedReader,
)


class CaddySettings(ForwardAuthEndpointSettings):
    """Caddy's endpoint."""

    path: EndpointPath = "/_gateway/auth/caddy"


class CaddyReader(ForwardedReader):
    """Reads what Caddy overwrites."""

    def __init__(self) -> None:
        super().__init__("caddy")


KIND = ForwardAuthKind("caddy", CaddySettings, lambda _settings: CaddyReader())
