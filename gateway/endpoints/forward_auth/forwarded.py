"""The five X-Forwarded fields by which Traefik and Caddy tell the same things."""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import Original, only
from gateway.model.headers import Headers

METHOD, URI = b"x-forwarded-method", b"x-forwarded-uri"
PROTO, HOST = b"x-forwarded-proto", b"x-forwarded-host"
FOR = b"x-forwarded-for"

FORWARDED = frozenset({METHOD, URI, PROTO, HOST, FOR})

_OF_WEBSOCKETS = {"ws": "http", "wss": "https"}
"""Traefik names the scheme of a WebSocket so (RFC 6455 section 3)."""


def read_forwarded(headers: Headers) -> Original:
    """Return what the five fields tell; raises MalformedError when one of them is not there exactly once."""
    proto = only(headers, PROTO)
    return Original(
        method=only(headers, METHOD),
        scheme=_OF_WEBSOCKETS.get(proto, proto),
        authority=only(headers, HOST),
        target=only(headers, URI),
        client=only(headers, FOR),
    )
