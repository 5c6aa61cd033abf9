"""How a dialect's answer becomes bytes."""

from __future__ import annotations

import msgspec

from gateway.dialects.dialect import InfoResponse
from gateway.model.decision import HeaderPairs

_encoder = msgspec.json.Encoder()

DEFAULT_RETRY_AFTER = 1
"""Seconds. Asked of clients where nobody knows better: authorities that fail mostly fail briefly."""


def json_reply(status: int, body: object, headers: HeaderPairs = ()) -> InfoResponse:
    """Return `body` (a msgspec struct) as JSON, its keys in the order of its fields."""
    return InfoResponse(status, _encoder.encode(body), headers)


def retry_later(seconds: int | None) -> HeaderPairs:
    """Return the field that 429 and 503 carry, in whole seconds (RFC 9110 section 10.2.3)."""
    return ((b"Retry-After", str(seconds or DEFAULT_RETRY_AFTER).encode("ascii")),)
