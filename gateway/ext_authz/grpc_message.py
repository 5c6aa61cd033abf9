"""How one message of gRPC stands in a body: a flag, its length, and its bytes (gRPC over HTTP/2, "Length-Prefixed").

Bodies are not compressed here: a few bytes could stand for as many as one likes.
"""

from __future__ import annotations

from gateway.ext_authz.statuses import INVALID_ARGUMENT, UNIMPLEMENTED

PREFIX_BYTES = 5


class GrpcError(Exception):
    """A call ends with this status code, and these fixed words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_message(body: bytes) -> bytes:
    """Return the one message of a whole body; raises GrpcError."""
    if len(body) < PREFIX_BYTES:
        raise GrpcError(INVALID_ARGUMENT, "the call has no message")
    if body[0] == 1:
        raise GrpcError(UNIMPLEMENTED, "compressed messages are not read")
    if body[0] or int.from_bytes(body[1:PREFIX_BYTES], "big") != len(body) - PREFIX_BYTES:
        raise GrpcError(INVALID_ARGUMENT, "the call has not just one whole message")
    return body[PREFIX_BYTES:]


def write_message(message: bytes) -> bytes:
    """Return a message as it stands in a body."""
    return b"\0%b%b" % (len(message).to_bytes(4, "big"), message)
