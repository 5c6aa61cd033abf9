"""Which foreign pages may read an answer that depends on a credential (Fetch standard, "CORS protocol")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.route import PREFLIGHT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.model.decision import AccessRequest, HeaderPairs

_REQUESTED = b"access-control-request-method"


class Cors:
    """Answers for the listed `origins`, each spelled as a browser does; nobody else's page is told anything.

    `request_headers` are the fields that a page may send besides (the credentials' own), `exposed` those of the answer
    that it may read. Never `*`: with credentials it would be every page's. `max_age`, in seconds, is how long a
    browser may keep a preflight's answer.
    """

    def __init__(
        self,
        origins: Iterable[str],
        request_headers: Iterable[bytes],
        exposed: Iterable[bytes],
        max_age: int = PREFLIGHT_SECONDS,
    ) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._request_headers = b", ".join(sorted({*request_headers, b"content-type"}))
        readable = b", ".join(exposed)
        self._exposed = ((b"Access-Control-Expose-Headers", readable),) if readable else ()
        self._max_age = str(max_age).encode("ascii")

    def admits(self, access: AccessRequest) -> bool:
        """Tell whether this is a preflight of a listed origin's page."""
        return requested_method(access) is not None and self._origin(access) is not None

    def fields(self, access: AccessRequest) -> HeaderPairs:
        """Return the fields of an actual answer.

        `Vary` always: a shared cache must not hand the answer that one page got to another.
        """
        origin = self._origin(access)
        if origin is None:
            return ((b"Vary", b"Origin"),)
        return (*_allowed(origin), *self._exposed)

    def preflight(self, access: AccessRequest, methods: bytes) -> HeaderPairs:
        """Return the fields of the answer to an OPTIONS request."""
        origin = self._origin(access)
        if origin is None or _REQUESTED not in access.headers:
            return ((b"Vary", b"Origin"),)
        return (
            *_allowed(origin),
            (b"Access-Control-Allow-Methods", methods),
            (b"Access-Control-Allow-Headers", self._request_headers),
            (b"Access-Control-Max-Age", self._max_age),
        )

    def _origin(self, access: AccessRequest) -> bytes | None:
        """Return the request's origin if it is listed. Ours is sent back, never the caller's bytes."""
        values = access.headers.all(b"origin")
        return values[0] if len(values) == 1 and values[0] in self._origins else None


def requested_method(access: AccessRequest) -> str | None:
    """Return the method that a preflight asks about, or `None` when this is none (Fetch standard, "CORS-preflight")."""
    values = access.headers.all(_REQUESTED)
    return values[0].decode("latin-1") if access.method == "OPTIONS" and len(values) == 1 else None


def _allowed(origin: bytes) -> HeaderPairs:
    return (
        (b"Vary", b"Origin"),
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Allow-Credentials", b"true"),
    )
