"""Requests of foreign pages: which of them may read answers (CORS), and which may use cookies (Origin check)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import Decision
from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.method import SAFE, STANDARD, read_method
from gateway.policy.readings import refused_oddity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.model.decision import AccessRequest, HeaderPairs
    from gateway.model.route import CorsRules, Route
    from gateway.policy.routes import RouteTable

VARY_BY_ORIGIN: HeaderPairs = ((b"Vary", b"Origin"),)
"""On every answer that may differ by origin: a shared cache must not serve one page's answer to another."""

_REQUESTED_METHOD = b"access-control-request-method"


def _carries_none(_method: str) -> bool:
    return False


class Cors:
    """The CORS of one route or endpoint (Fetch standard, "CORS protocol").

    Only pages of the origins in `rules` get any of its fields, and never `*`: with credentials that would be every
    page. A page may send `credential_fields` besides those in `rules`; `methods` are those that a preflight allows, and
    so is any other one for which `carries` is true, if it is asked about.
    """

    def __init__(
        self,
        rules: CorsRules,
        credential_fields: Iterable[bytes],
        methods: Iterable[str],
        carries: Callable[[str], bool] = _carries_none,
    ) -> None:
        self._methods = tuple(methods)
        self._carries = carries
        self._origins = frozenset(origin.encode("ascii") for origin in rules.origins)
        listed = (name.lower().encode("ascii") for name in rules.request_headers)
        self._preflight: HeaderPairs = (
            (b"Access-Control-Allow-Headers", b", ".join(sorted({*credential_fields, *listed, b"content-type"}))),
            (b"Access-Control-Max-Age", str(rules.max_age).encode("ascii")),
        )
        exposed = ", ".join(rules.exposed).encode("ascii")
        self._exposed: HeaderPairs = ((b"Access-Control-Expose-Headers", exposed),) if exposed else ()

    def preflight(self, access: AccessRequest) -> HeaderPairs | None:
        """Return the fields that answer a listed page's preflight; `None` for any other request."""
        origin, method = self._origin(access), requested_method(access)
        if origin is None or method is None:
            return None
        methods = self._methods if method in self._methods or not self._carries(method) else (*self._methods, method)
        allowed = (b"Access-Control-Allow-Methods", ", ".join(methods).encode("ascii"))
        return (*_allow(origin), allowed, *self._preflight)

    def fields(self, access: AccessRequest) -> HeaderPairs:
        """Return the fields of an answer that is no preflight's."""
        origin = self._origin(access)
        return VARY_BY_ORIGIN if origin is None else (*_allow(origin), *self._exposed)

    def _origin(self, access: AccessRequest) -> bytes | None:
        """Return the request's origin if it is listed, so that no other bytes of the caller are sent back."""
        values = access.headers.all(b"origin")
        return values[0] if len(values) == 1 and values[0] in self._origins else None


class RoutesCors:
    """The CORS of the routes that have one.

    `credential_fields` returns the lower-case names of the headers in which a route reads credentials.
    """

    def __init__(self, table: RouteTable, credential_fields: Callable[[Route], Iterable[bytes]]) -> None:
        self._table = table
        self._cors_of = {
            route.name: self._cors(route, route.cors, credential_fields(route))
            for route in table.routes
            if route.cors is not None
        }

    def _cors(self, route: Route, rules: CorsRules, credential_fields: Iterable[bytes]) -> Cors:
        methods = route.match.methods
        return Cors(rules, credential_fields, sorted(methods or STANDARD), _carries_none if methods else self._carries)

    def _carries(self, method: str) -> bool:
        """Tell whether a method is one that a route without `methods` carries."""
        try:
            return read_method(method, self._table.methods) == method
        except MalformedError:
            return False

    def preflight(self, access: AccessRequest) -> Decision | None:
        """Answer a listed page that asks whether it may ask; it comes without a credential (Fetch standard).

        Judged by the route of the method that is asked about; `None` for an ordinary request.
        """
        method = requested_method(access)
        route = self._table.match(access.host.name, access.target.match, method) if method is not None else None
        cors = self._cors_of.get(route.name) if route is not None else None
        fields = cors.preflight(access) if cors is not None else None
        if route is None or fields is None or refused_oddity(access.target, route) is not None:
            return None
        return Decision(access=access, route=route, rule="preflight", caller_headers=fields, answered=True)

    def with_fields(self, decision: Decision) -> Decision:
        """Return the decision about a request that is no preflight, with its route's fields for the caller's answer."""
        cors = self._cors_of.get(decision.route.name) if decision.route is not None else None
        return decision if cors is None else decision.with_caller_headers(cors.fields(decision.access))


def requested_method(access: AccessRequest) -> str | None:
    """Return the method that a preflight asks about; `None` for any other request (Fetch, "CORS-preflight request")."""
    values = access.headers.all(_REQUESTED_METHOD)
    return values[0].decode("latin-1") if access.method == "OPTIONS" and len(values) == 1 else None


def _allow(origin: bytes) -> HeaderPairs:
    return (
        *VARY_BY_ORIGIN,
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Allow-Credentials", b"true"),
    )


def is_foreign_cookie(access: AccessRequest, route_origins: frozenset[str], credential: Credential) -> bool:
    """Tell whether the credential is a cookie that a foreign page may have made the browser send.

    Browsers add cookies to requests of foreign pages too. SameSite=Lax does not stop a page on a neighbouring
    subdomain, and WebSocket handshakes have no CORS; but no page can change the `Origin` that its browser sends (Fetch
    standard, "Origin header").

    Nor does it stop a password that a browser was once asked for (`ambient`), which it adds likewise; git and its like
    send one without any `Origin`, which no browser does where it counts. Other credentials are not added by browsers,
    and safe methods without an upgrade change nothing, so both pass. Else there has to be exactly one `Origin`: the
    request's own host, or one of `route_origins` (spelled as a browser does, `https://app.example.com`). `null` is
    foreign: any page can make a sandboxed frame.
    """
    if credential.kind is not CredentialKind.COOKIE and not credential.ambient:
        return False
    if access.method in SAFE and not access.is_upgrade:
        return False
    values = access.headers.all(b"origin")
    if len(values) != 1:
        return bool(values) or not credential.ambient
    return values[0].decode("latin-1").lower() not in route_origins and is_of_foreign_page(access)


def is_of_foreign_page(access: AccessRequest) -> bool:
    """Tell whether a page of another host has made the browser send the request; programs send no `Origin`."""
    values = access.headers.all(b"origin")
    return bool(values) and not (len(values) == 1 and _is_own_host(access, values[0].decode("latin-1").lower()))


def _is_own_host(access: AccessRequest, origin: str) -> bool:
    """Tell whether `origin` is the host of the request.

    The scheme is ignored for a request over plain `http`: TLS may have ended at a proxy that is not in the config as
    trusted. For a request over `https` an `http` page is foreign: the network could have written it.
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
