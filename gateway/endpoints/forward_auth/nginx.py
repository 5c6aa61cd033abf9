"""nginx's `auth_request` (ngx_http_auth_request_module).

It sends a GET with *all* of the client's headers and nothing else, so what it tells is what its config sets: our
`deploy/nginx/` sets the three fields read here, and clears every other way of telling. It understands 2xx, 401 and
403; to its client anything else is 500.
"""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import EndpointPath, ForwardAuthEndpointSettings, Original, malformed, only
from gateway.model.decision import AccessRequest
from gateway.model.refusal import Refusal, RefusalCode

_URL, _METHOD, _CLIENT = b"x-original-url", b"x-original-method", b"x-forwarded-for"

_UNDERSTOOD = frozenset(
    {RefusalCode.UNAUTHENTICATED, RefusalCode.FORBIDDEN, RefusalCode.UNAVAILABLE, RefusalCode.INTERNAL}
)
"""What keeps its status: the two that nginx knows, and our own faults, which its client sees as 500: closed."""


class NginxSettings(ForwardAuthEndpointSettings):
    """nginx's endpoint."""

    path: EndpointPath = "/_gateway/auth/nginx"


class NginxReader:
    """Reads `X-Original-URL`, `X-Original-Method` and `X-Forwarded-For`."""

    name = "nginx"
    told = frozenset({_URL, _METHOD, _CLIENT})
    every_path = False

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request; the URL is absolute (`$scheme://$http_host$request_uri`)."""
        scheme, mark, rest = only(asked.headers, _URL).partition("://")
        authority, slash, target = rest.partition("/")
        client = only(asked.headers, _CLIENT)
        if not (mark and authority and slash):
            raise malformed("the original URL is not absolute")
        return Original(only(asked.headers, _METHOD), scheme, authority, slash + target, client)

    def fold(self, refusal: Refusal) -> Refusal:
        """Return 403 for every refusal that nginx would make a 500 of, though its client is to blame."""
        if refusal.code in _UNDERSTOOD:
            return refusal
        return Refusal(RefusalCode.FORBIDDEN, refusal.detail)
