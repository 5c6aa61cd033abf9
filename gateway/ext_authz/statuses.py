"""The status codes of gRPC that are told, and which of them stands for an HTTP status."""

from __future__ import annotations

import re

OK = 0
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16

_OF_HTTP: dict[int, tuple[int, str]] = {
    302: (UNAUTHENTICATED, "sign in first"),
    400: (INVALID_ARGUMENT, "the request could not be understood"),
    401: (UNAUTHENTICATED, "authentication is required, or the credential is not valid"),
    403: (PERMISSION_DENIED, "this is not allowed"),
    404: (UNIMPLEMENTED, "there is nothing here"),  # as gRPC's own table for HTTP has it
    405: (UNIMPLEMENTED, "this method is not allowed here"),
    414: (RESOURCE_EXHAUSTED, "the request target is too long"),
    429: (RESOURCE_EXHAUSTED, "too many requests"),
    431: (RESOURCE_EXHAUSTED, "the request head is too large"),
    500: (INTERNAL, "an unexpected fault occurred"),
    501: (UNIMPLEMENTED, "this method is not implemented"),
    503: (UNAVAILABLE, "this cannot be answered at the moment"),
}

_ENCODED = re.compile(rb"[^ -$&-~]")


def status_of(http_status: int) -> tuple[int, str]:
    """Return the code, never OK, and the words for a refusal's HTTP status."""
    return _OF_HTTP.get(http_status, (UNKNOWN, "this request is refused"))


def percent_encoded(message: str) -> bytes:
    """Return a `grpc-message`: printable ASCII, all else percent-encoded (gRPC over HTTP/2, "Responses")."""
    return _ENCODED.sub(lambda found: b"%%%02X" % found[0][0], message.encode("utf-8"))
