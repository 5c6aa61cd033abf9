"""How the proxy itself says no: one JSON shape, never the caller's own bytes (DESIGN section 7)."""

from __future__ import annotations

import msgspec

from gateway.model.decision import HeaderPairs, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode

_CHALLENGE = b'Bearer realm="gateway"'
_FIELDS = json_fields()
_encoder = msgspec.json.Encoder()


class _Error(msgspec.Struct):
    code: str
    message: str
    status: int
    request_id: str


class _Body(msgspec.Struct):
    error: _Error


def refusal_response(
    refusal: Refusal, request_id: str, caller_headers: HeaderPairs = (), *, closes: bool = False
) -> Response:
    """Answer with `{"error": {"code", "message", "status", "request_id"}}` and the fields that the status asks for.

    401 carries `WWW-Authenticate` (RFC 9110 section 11.6.1; RFC 6750 section 3 for a token that was no good), 429
    and 503 `Retry-After` in seconds (RFC 9110 section 10.2.3). `caller_headers` come on top. `closes` ends the
    connection behind it.
    """
    fields = _FIELDS
    if refusal.code is RefusalCode.UNAUTHENTICATED:
        challenge = _CHALLENGE + b', error="invalid_token"' if refusal.rejected else _CHALLENGE
        fields += ((b"WWW-Authenticate", challenge),)
    if refusal.retry_after is not None:
        fields += ((b"Retry-After", b"%d" % refusal.retry_after),)
    body = _encoder.encode(_Body(_Error(refusal.code.value, refusal.message, refusal.status, request_id)))
    return Response(refusal.status, fields + caller_headers, body, closes)
