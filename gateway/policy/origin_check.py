"""Did a page of ours send this? Browsers add cookies to requests of foreign pages too.

SameSite=Lax helps, but not against a page on a neighbouring subdomain, and WebSocket handshakes know no CORS. Origin
is what a browser says by itself and a page cannot change (Fetch standard, "Origin header").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority

if TYPE_CHECKING:
    from gateway.model.decision import AccessRequest

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1, those that are carried


def refuse_origin(access: AccessRequest, route_origins: frozenset[str], credential: Credential) -> bool:
    """Tell whether this is a cookie whose request may come from a foreign page.

    Asked of cookies alone, with an unsafe method or an upgrade: other credentials are not added by browsers of
    themselves. Exactly one `Origin` is needed, of the request's own host or in `route_origins` (each as a browser
    writes it, `https://app.example.com`). None, `null` (a sandboxed frame, any page can make one) or two are refused.
    """
    if credential.kind is not CredentialKind.COOKIE:
        return False
    if access.method in _SAFE_METHODS and not access.is_upgrade:
        return False
    values = access.headers.all(b"origin")
    if len(values) != 1:
        return True
    origin = values[0].decode("latin-1").lower()
    if origin == "null":
        return True
    return origin not in route_origins and not _is_own(access, origin)


def _is_own(access: AccessRequest, origin: str) -> bool:
    """Tell whether `origin` is the host that the request went to.

    Without its scheme where we were asked over plain `http`: TLS may have ended at a proxy in front that nobody told
    us to trust. Asked over `https`, a page that came over `http` is foreign: the network can write it.
    """
    scheme, mark, authority = origin.partition("://")
    if not mark or scheme not in DEFAULT_PORTS or (access.scheme == "https" and scheme != "https"):
        return False
    try:
        host = parse_authority(authority, scheme)
    except MalformedError:
        return False
    return host.name == access.host.name and (host.port == access.host.port or _both_default(access, host.port, scheme))


def _both_default(access: AccessRequest, port: int, scheme: str) -> bool:
    return port == DEFAULT_PORTS[scheme] and access.host.port == DEFAULT_PORTS[access.scheme]
