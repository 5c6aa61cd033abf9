"""The answers that refuse a request: one JSON shape, without any of the caller's own bytes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.model.decision import HeaderPairs, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode

_CHALLENGES = b"WWW-Authenticate"
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

    401 has `WWW-Authenticate` (RFC 9110 section 11.6.1; RFC 6750 section 3 for a rejected token), 429 and 503 have
    `Retry-After` in seconds (RFC 9110 section 10.2.3). `caller_headers` are added; a challenge among
    them stands instead of ours. `closes` ends the connection
    afterwards.
    """
    fields = _FIELDS
    if refusal.code is RefusalCode.UNAUTHENTICATED and not any(name == _CHALLENGES for name, _ in caller_headers):
        challenge = _CHALLENGE + b', error="invalid_token"' if refusal.rejected else _CHALLENGE
        fields += ((_CHALLENGES, challenge),)
    if refusal.retry_after is not None:
        fields += ((b"Retry-After", b"%d" % refusal.retry_after),)
    body = _encoder.encode(_Body(_Error(refusal.code.value, refusal.message, refusal.status, request_id)))
    return Response(refusal.status, fields + caller_headers, body, closes)


def method_not_allowed(methods: Iterable[str], request_id: str) -> Response:
    """Answer with 405 and the allowed `methods` (RFC 9110 section 15.5.6)."""
    allow = ((b"Allow", ", ".join(methods).encode("ascii")),)
    return refusal_response(Refusal(RefusalCode.METHOD_NOT_ALLOWED), request_id, allow)
