"""`/.well-known/jwks.json`: the keys with which upstreams verify identity tokens (RFC 7517 section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from gateway.endpoints.refusals import refusal_response
from gateway.model.access import AccessRequest
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord

_METHODS = ("GET", "HEAD")
_ALLOW = ((b"Allow", ", ".join(_METHODS).encode("ascii")),)


class WellKnownKeys:
    """A door with the public halves of our signing keys; anybody may read them.

    `jwks` is a key ring's `jwks()`, asked each time, so that a rotated ring shows at once. `max_age`, in seconds, is
    how long readers may keep the set: a new key has to stand in it for so long before it signs.
    """

    name = "well_known"
    hosts: frozenset[str] = frozenset()

    def __init__(self, path: str, jwks: Callable[[], Mapping[str, Any]], max_age: int) -> None:
        self.paths: tuple[str, ...] = (path,)
        self._jwks = jwks
        self._headers = {"Content-Type": "application/json", "Cache-Control": f"public, max-age={max_age}"}

    async def answer(
        self, _request: web.BaseRequest, access: AccessRequest, _record: RequestRecord
    ) -> web.StreamResponse:
        """Return the key set; 405 for what is not a reading."""
        if access.method not in _METHODS:
            return refusal_response(Refusal(RefusalCode.METHOD_NOT_ALLOWED), access.request_id, _ALLOW)
        return web.Response(body=msgspec.json.encode(self._jwks()), headers=self._headers)
