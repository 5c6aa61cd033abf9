"""Envoy's `ext_authz` filter with an HTTP service.

It sends the original method, Host and target, the target behind the endpoint's own path (`path_prefix`), and of the
headers those that its config allows: exactly the ones that our `deploy/envoy/` lists, since a prefix pattern there
lets a forged field in.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import EndpointPath, ForwardAuthEndpointSettings, Original, malformed, only
from gateway.model.decision import AccessRequest
from gateway.model.refusal import Refusal

_HOST, _PROTO, _CLIENT = b"host", b"x-forwarded-proto", b"x-real-ip"


class EnvoySettings(ForwardAuthEndpointSettings):
    """Envoy's endpoint; everything beneath its path is its own."""

    path: EndpointPath = "/_gateway/auth/envoy"


class EnvoyReader:
    """Reads the request line, Host, `X-Forwarded-Proto` and `X-Real-IP`. `path` is the endpoint's own.

    Not `X-Forwarded-For`: Envoy adds its own address to it on the way here, so that every client would be Envoy.
    """

    name = "envoy"
    told = frozenset({_PROTO, _CLIENT})
    every_path = True

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request.

        `asked.target` is canonical already, and what follows the endpoint's path in it is canonical by itself.
        """
        if not asked.target.match.startswith(f"{self._path}/"):
            raise malformed("there is no original target behind the endpoint's path")
        target = str(asked.target)[len(self._path) :]
        scheme, authority, client = (only(asked.headers, name) for name in (_PROTO, _HOST, _CLIENT))
        return Original(asked.method, scheme, authority, target, client)

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: its client gets our answer as it is."""
        return refusal
