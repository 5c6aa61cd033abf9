"""Traefik's `ForwardAuth` middleware.

It sends a GET and overwrites all five X-Forwarded fields, unless it is told to trust those of its client. The path has
been normalised before that; its router and the application are given the same one.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.forwarded import FORWARDED, read_forwarded
from gateway.endpoints.forward_auth.original import DoorPath, DoorSettings, Original
from gateway.model.access import AccessRequest
from gateway.model.refusal import Refusal


class TraefikSettings(DoorSettings):
    """Traefik's door."""

    path: DoorPath = "/_gateway/auth/traefik"


class TraefikReader:
    """Reads `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`."""

    name = "traefik"
    told = FORWARDED
    every_path = False

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request."""
        return read_forwarded(asked.headers)

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: its client gets our answer as it is."""
        return refusal
