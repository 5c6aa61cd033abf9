"""Where a person comes back to after a sign-in: a path of ours, or a page of an origin that the config lists.

A lenient reading here is an open redirect: a link to us that ends at somebody else's copy of a login. So a target is
read by the same strict parser as every request, and what it does not take is nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.target import ALWAYS_READ, Oddity, parse_target

START = "/"
"""Where one comes back to who opened no page."""

SIGN_IN_PATH = "/_gateway/sign-in"
_OWN = "/_gateway/"
_LONGEST = 2000
"""Characters. The target travels in a cookie, of which browsers keep 4096 bytes (RFC 6265 section 6.1)."""

_ABSOLUTE = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#\\@]{1,261})(?P<target>/.*)", re.ASCII | re.DOTALL)


class ReturnTargets:
    """Reads `return_to`. `origins` are others than the one that is asked, spelled as browsers do.

    `allowed` is what some route allows a path to hold.
    """

    def __init__(self, origins: Collection[str] = (), allowed: Collection[Oddity] = ALWAYS_READ) -> None:
        self._origins = frozenset(origins)
        self._allowed = frozenset(allowed)

    def read(self, text: str, own_origin: str) -> str | None:
        """Return the target in the one spelling that is sent, None for what leads anywhere else."""
        if len(text) > _LONGEST:
            return None
        if text.startswith("/"):
            return self._path(text)
        absolute = _ABSOLUTE.fullmatch(text)
        if absolute is None:
            return None
        origin = _origin(absolute["scheme"], absolute["authority"])
        path = self._path(absolute["target"])
        if origin is None or path is None:
            return None
        if origin == own_origin:
            return path
        return origin + path if origin in self._origins else None

    def _path(self, text: str) -> str | None:
        """Return a path with its query; two slashes at its beginning would be a host (RFC 3986 section 4.2)."""
        try:
            target = parse_target(text, self._allowed)
        except MalformedError:
            return None
        path = str(target)
        return None if path.startswith("//") or target.match.startswith(_OWN) else path


def sign_in_location(access: AccessRequest, origin: str, providers: Collection[str] = ()) -> str:
    """Return where a browser is sent that opened a page without a session; `providers` are the only ones offered."""
    only = f"&providers={quote(','.join(providers), safe='')}" if providers else ""
    return f"{origin}{SIGN_IN_PATH}?return_to={quote(str(access.target), safe='')}{only}"


def _origin(scheme: str, authority: str) -> str | None:
    try:
        host = parse_authority(authority, scheme)
    except MalformedError:
        return None
    port = "" if host.port == DEFAULT_PORTS[scheme] else f":{host.port}"
    return f"{scheme}://{host.name}{port}"
