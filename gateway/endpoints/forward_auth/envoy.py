"""Envoy's `ext_authz` filter with an HTTP service.

It sends the original method, Host and target, the target behind the door's own path (`path_prefix`), and of the
headers those that its config allows: exactly the ones that our `deploy/envoy/` lists, since a prefix pattern there
lets a forged field in.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import DoorPath, DoorSettings, Original, malformed, only
from gateway.model.access import AccessRequest
from gateway.model.refusal import Refusal

_PROTO, _CLIENT = b"x-forwarded-proto", b"x-forwarded-for"


class EnvoySettings(DoorSettings):
    """Envoy's door; everything beneath its path is its own."""

    path: DoorPath = "/_gateway/auth/envoy"


class EnvoyReader:
    """Reads the request line, Host, `X-Forwarded-Proto` and `X-Forwarded-For`. `path` is the door's own."""

    name = "envoy"
    told = frozenset({_PROTO, _CLIENT})
    every_path = True

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request.

        `asked.target` is canonical already, and what follows the door's path in it is canonical by itself.
        """
        only(asked.headers, _CLIENT)
        if not asked.target.match.startswith(f"{self._path}/"):
            raise malformed("there is no original target behind the door's path")
        target = str(asked.target)[len(self._path) :]
        return Original(asked.method, only(asked.headers, _PROTO), only(asked.headers, b"host"), target)

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: its client gets our answer as it is."""
        return refusal
