"""Caddy's `forward_auth` directive.

It sends a GET on our path, with the query of the original request, and overwrites all five X-Forwarded fields. The
application still gets the client's own X-Forwarded-Method and -Uri, unless `deploy/caddy/` clears them.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import EndpointPath, ForwardAuthEndpointSettings
from gateway.endpoints.forward_auth.x_forwarded import ForwardedReader


class CaddySettings(ForwardAuthEndpointSettings):
    """Caddy's endpoint."""

    path: EndpointPath = "/_gateway/auth/caddy"


class CaddyReader(ForwardedReader):
    """Reads what Caddy overwrites."""

    def __init__(self) -> None:
        super().__init__("caddy")
