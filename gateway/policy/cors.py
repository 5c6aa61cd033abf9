"""Which foreign pages may read an answer that depends on a credential (Fetch standard, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model.access import AccessRequest
from gateway.model.decision import HeaderPairs

_PREFLIGHT_SECONDS = b"600"
"""How long a browser may keep a preflight's answer; ten minutes is as long as the strictest of them keep one."""


class Cors:
    """Answers for the listed `origins`, each spelled as a browser does; nobody else's page is told anything.

    `request_headers` are the fields that a page may send besides (the credentials' own), `exposed` those of the answer
    that it may read. Never `*`: with credentials it would be every page's.
    """

    def __init__(self, origins: Iterable[str], request_headers: Iterable[bytes], exposed: Iterable[bytes]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._request_headers = b", ".join(sorted({*request_headers, b"content-type"}))
        self._exposed = b", ".join(exposed)

    def fields(self, access: AccessRequest) -> HeaderPairs:
        """Return the fields of an actual answer.

        `Vary` always: a shared cache must not hand the answer that one page got to another.
        """
        origin = self._origin(access)
        if origin is None:
            return ((b"Vary", b"Origin"),)
        return (*_allowed(origin), (b"Access-Control-Expose-Headers", self._exposed))

    def preflight(self, access: AccessRequest, methods: bytes) -> HeaderPairs:
        """Return the fields of the answer to an OPTIONS request."""
        origin = self._origin(access)
        if origin is None or b"access-control-request-method" not in access.headers:
            return ((b"Vary", b"Origin"),)
        return (
            *_allowed(origin),
            (b"Access-Control-Allow-Methods", methods),
            (b"Access-Control-Allow-Headers", self._request_headers),
            (b"Access-Control-Max-Age", _PREFLIGHT_SECONDS),
        )

    def _origin(self, access: AccessRequest) -> bytes | None:
        """Return the request's origin if it is listed. Ours is sent back, never the caller's bytes."""
        values = access.headers.all(b"origin")
        return values[0] if len(values) == 1 and values[0] in self._origins else None


def _allowed(origin: bytes) -> HeaderPairs:
    return (
        (b"Vary", b"Origin"),
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Allow-Credentials", b"true"),
    )
