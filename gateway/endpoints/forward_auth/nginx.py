"""nginx's `auth_request` (ngx_http_auth_request_module).

It sends a GET with *all* of the client's headers and nothing else, so its config has to add the original request:
`deploy/nginx/` sets the three fields read here, and clears the fields of other proxies. nginx understands 2xx, 401 and
403; every other status becomes 500 for its client.
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
from gateway.model.refusal import Refusal, RefusalCode

_URL, _METHOD, _CLIENT = b"x-original-url", b"x-original-method", b"x-forwarded-for"

_UNCHANGED = frozenset(
    {RefusalCode.UNAUTHENTICATED, RefusalCode.FORBIDDEN, RefusalCode.UNAVAILABLE, RefusalCode.INTERNAL}
)
"""The two that nginx understands, and our own faults, which its client sees as 500: refused in any case."""


class NginxSettings(ForwardAuthEndpointSettings):
    """nginx's endpoint."""

    path: EndpointPath = "/_gateway/auth/nginx"


class NginxReader:
    """Reads `X-Original-URL`, `X-Original-Method` and `X-Forwarded-For`."""

    name = "nginx"
    trusted_fields = frozenset({_URL, _METHOD, _CLIENT})
    own_fields: frozenset[bytes] = frozenset()
    removes = b""
    is_prefix = False
    sends_to_login = 401  # a redirect would be a 500 to its client

    def read(self, decision_request: AccessRequest) -> OriginalRequest:
        """Return the original request; the URL is absolute (`$scheme://$http_host$request_uri`)."""
        headers = decision_request.headers
        scheme, mark, rest = only_value(headers, _URL).partition("://")
        authority, slash, target = rest.partition("/")
        client = only_value(headers, _CLIENT)
        if not (mark and authority and slash):
            raise malformed("the original URL is not absolute")
        return OriginalRequest(only_value(headers, _METHOD), scheme, authority, slash + target, client)

    def translate(self, refusal: Refusal) -> Refusal:
        """Return 403 for every refusal of which nginx would make a 500 although its client is at fault."""
        return refusal if refusal.code in _UNCHANGED else Refusal(RefusalCode.FORBIDDEN, refusal.detail)


KIND = ForwardAuthKind("nginx", NginxSettings, lambda _settings: NginxReader())
