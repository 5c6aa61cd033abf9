"""Caddy's `forward_auth` directive.

It sends a GET on the door's path, with the query of the original request, and overwrites all five X-Forwarded fields.
The application still gets the client's own X-Forwarded-Method and -Uri, unless `deploy/caddy/` clears them.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.forwarded import FORWARDED, read_forwarded
from gateway.endpoints.forward_auth.original import DoorPath, DoorSettings, Original
from gateway.model.access import AccessRequest
from gateway.model.refusal import Refusal


class CaddySettings(DoorSettings):
    """Caddy's door."""

    path: DoorPath = "/_gateway/auth/caddy"


class CaddyReader:
    """Reads `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`."""

    name = "caddy"
    told = FORWARDED
    every_path = False

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request."""
        return read_forwarded(asked.headers)

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: its client gets our answer as it is."""
        return refusal
