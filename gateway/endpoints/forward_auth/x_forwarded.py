"""The five X-Forwarded fields by which Traefik and Caddy tell the same things, and one reading of them for both."""

from __future__ import annotations

from gateway.endpoints.forward_auth.original import Original, only
from gateway.model.decision import AccessRequest
from gateway.model.refusal import Refusal

METHOD, URI = b"x-forwarded-method", b"x-forwarded-uri"
PROTO, HOST = b"x-forwarded-proto", b"x-forwarded-host"
FOR = b"x-forwarded-for"

FORWARDED = frozenset({METHOD, URI, PROTO, HOST, FOR})

_OF_WEBSOCKETS = {"ws": "http", "wss": "https"}
"""Traefik names the scheme of a WebSocket so (RFC 6455 section 3)."""


class ForwardedReader:
    """Reads `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`, which the proxy called `name` overwrites."""

    told = FORWARDED
    every_path = False

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request; raises MalformedError when one of the five is not there exactly once."""
        headers = asked.headers
        proto = only(headers, PROTO)
        return Original(
            method=only(headers, METHOD),
            scheme=_OF_WEBSOCKETS.get(proto, proto),
            authority=only(headers, HOST),
            target=only(headers, URI),
            client=only(headers, FOR),
        )

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: its client gets our answer as it is."""
        return refusal
