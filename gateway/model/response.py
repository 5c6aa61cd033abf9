"""An answer that the gateway gives itself."""

from __future__ import annotations

import msgspec

from gateway.model.decision import HeaderPairs


class Response(msgspec.Struct, frozen=True, gc=False):
    """Status, fields and the whole body; the connection adds what is its own to say (length, date, server, closing).

    `closes` ends the connection behind it: what still comes there may be no request.
    """

    status: int
    fields: HeaderPairs = ()
    body: bytes = b""
    closes: bool = False


def json_fields(cache_control: bytes = b"no-store") -> HeaderPairs:
    """Return the fields of a JSON answer; without more said, nobody may keep it (RFC 9111 section 5.2.2.5)."""
    return ((b"Content-Type", b"application/json"), (b"Cache-Control", cache_control))
