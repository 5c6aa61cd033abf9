"""`/.well-known/jwks.json`: the keys with which upstreams verify identity tokens (RFC 7517 section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.endpoints.refusals import refusal_response
from gateway.model.decision import AccessRequest, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest

_METHODS = ("GET", "HEAD")
_ALLOW = ((b"Allow", ", ".join(_METHODS).encode("ascii")),)


class WellKnownKeys:
    """An endpoint with the public halves of our signing keys; anybody may read them.

    `jwks` is a key ring's `jwks()`, asked each time, so that a rotated ring shows at once. `max_age`, in seconds, is
    how long readers may keep the set: a new key has to stand in it for so long before it signs.
    """

    name = "well_known"
    hosts: frozenset[str] = frozenset()

    def __init__(self, path: str, jwks: Callable[[], Mapping[str, Any]], max_age: int) -> None:
        self.paths: tuple[str, ...] = (path,)
        self._jwks = jwks
        self._fields = json_fields(f"public, max-age={max_age}".encode("ascii"))

    async def answer(self, _request: DownstreamRequest, access: AccessRequest, _record: RequestRecord) -> Response:
        """Return the key set; 405 for what is not a reading."""
        if access.method not in _METHODS:
            return refusal_response(Refusal(RefusalCode.METHOD_NOT_ALLOWED), access.request_id, _ALLOW)
        return Response(200, self._fields, msgspec.json.encode(self._jwks()))
