"""Envoy's `ext_authz` filter with an HTTP service.

It sends the original method, Host and target, the target after the endpoint's path (`path_prefix`), and the headers
that its config allows: by `deploy/envoy/` all of the client's but X-Real-IP, so that they can be judged. What no client
may tell an application, and the credentials of the route, it removes on our word.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import (
    EndpointPath,
    ForwardAuthEndpointSettings,
    ForwardAuthKind,
    OriginalRequest,
    malformed,
    only_value,
)
from gateway.model.decision import AccessRequest
from gateway.model.refusal import Refusal

_OWN = frozenset(
    {
        b"x-envoy-attempt-count",
        b"x-envoy-expected-rq-timeout-ms",
        b"x-envoy-external-address",
        b"x-envoy-internal",
        b"x-forwarded-for",
    }
)
"""What it adds to a decision request; `deploy/envoy/` removes or overwrites them on the way to the application."""

_HOST, _PROTO, _CLIENT = b"host", b"x-forwarded-proto", b"x-real-ip"


class EnvoySettings(ForwardAuthEndpointSettings):
    """Envoy's endpoint, which also has every path beneath its own."""

    path: EndpointPath = "/_gateway/auth/envoy"


class EnvoyReader:
    """Reads the request line, Host, `X-Forwarded-Proto` and `X-Real-IP`. `path` is the endpoint's, `name` the door's.

    Not `X-Forwarded-For`: Envoy adds its own address to it in the decision request, so every client would be Envoy.
    """

    trusted_fields = frozenset({_PROTO, _CLIENT})
    own_fields = _OWN
    removes = b"X-Envoy-Auth-Headers-To-Remove"
    is_prefix = True
    sends_to_login = 302

    def __init__(self, path: str, name: str = "envoy") -> None:
        self._path = path
        self.name = name

    def read(self, decision_request: AccessRequest) -> OriginalRequest:
        """Return the original request.

        The target of the decision request is canonical, so the part after the endpoint's path is canonical too.
        """
        if not decision_request.target.match.startswith(f"{self._path}/"):
            raise malformed("there is no original target after the endpoint's path")
        target = str(decision_request.target)[len(self._path) :]
        scheme, authority, client = (only_value(decision_request.headers, name) for name in (_PROTO, _HOST, _CLIENT))
        return OriginalRequest(decision_request.method, scheme, authority, target, client)

    def translate(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: the client gets our answer as it is."""
        return refusal


KIND = ForwardAuthKind("envoy", EnvoySettings, lambda settings: EnvoyReader(settings.path))
