"""Caddy's `forward_auth` directive.

It sends a GET on the door's path, with the query of the original request, and overwrites all five X-Forwarded fields.
The application still gets the client's own X-Forwarded-Method and -Uri, unless `deploy/caddy/` clears them.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import DoorPath, DoorSettings
from gateway.endpoints.forward_auth.x_forwarded import ForwardedReader


class CaddySettings(DoorSettings):
    """Caddy's door."""

    path: DoorPath = "/_gateway/auth/caddy"


class CaddyReader(ForwardedReader):
    """Reads what Caddy overwrites."""

    def __init__(self) -> None:
        super().__init__("caddy")
