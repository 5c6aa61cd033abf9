"""How the proxy itself says no: one JSON shape, never the caller's own bytes (DESIGN section 7)."""

from __future__ import annotations

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal, RefusalCode

_CHALLENGE = 'Bearer realm="gateway"'
_encoder = msgspec.json.Encoder()


class _Error(msgspec.Struct):
    code: str
    message: str
    status: int
    request_id: str


class _Body(msgspec.Struct):
    error: _Error


def refusal_response(refusal: Refusal, request_id: str, caller_headers: HeaderPairs = ()) -> web.Response:
    """Answer with `{"error": {"code", "message", "status", "request_id"}}` and the fields that the status asks for.

    401 carries `WWW-Authenticate` (RFC 9110 section 11.6.1; RFC 6750 section 3 for a token that was no good), 429
    and 503 `Retry-After` in seconds (RFC 9110 section 10.2.3). `caller_headers` come on top.
    """
    headers = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})
    if refusal.code is RefusalCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = f'{_CHALLENGE}, error="invalid_token"' if refusal.rejected else _CHALLENGE
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    for name, value in caller_headers:
        headers.add(name.decode("latin-1"), value.decode("latin-1"))
    body = _encoder.encode(_Body(_Error(refusal.code.value, refusal.message, refusal.status, request_id)))
    return web.Response(status=refusal.status, headers=headers, body=body)
