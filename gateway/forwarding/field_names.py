"""Which header fields belong to one connection, to the gateway, or to the message itself."""

from __future__ import annotations

from collections.abc import Sequence

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"http2-settings",  # RFC 7540 section 3.2.1: only ever beside an upgrade to h2c
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110 section 7.6.1, and `Trailer`, since trailers are not carried."""

TOLD_BY_US = frozenset(
    {
        b"forwarded",
        b"traceparent",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"x-forwarded",
        b"x-real-ip",
        b"x-request-id",
        b"x-rewrite-url",
        b"x-scheme",
    }
)
_TOLD_BY_US_PREFIXES = (b"x-forwarded-", b"x-original-", b"x-envoy-")

MESSAGE = frozenset({b"host", b"content-length"})
"""Fields that say where a message goes and ends; a `Connection` field that names them is not obeyed."""


def is_told_by_us(canonical: bytes) -> bool:
    """Tell whether an upstream believes this field to be a proxy's word (THREATS section 3).

    Whatever a client sends under such a name is dropped; the gateway says again what it believes itself.
    """
    return canonical in TOLD_BY_US or canonical.startswith(_TOLD_BY_US_PREFIXES)


def named_by_connection(values: Sequence[bytes]) -> frozenset[bytes]:
    """Return the fields that a message's `Connection` values name, in lower case (RFC 9110 section 7.6.1).

    Never a field of MESSAGE: `Connection: content-length` would let a client choose another end of its own body.
    """
    named = {token.strip(b" \t").lower() for value in values for token in value.split(b",")}
    return frozenset(named - MESSAGE - _CONNECTION_OPTIONS)


_CONNECTION_OPTIONS = frozenset({b"", b"close", b"keep-alive", b"upgrade"})
