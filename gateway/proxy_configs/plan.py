"""What the config of any proxy has to do: whom it asks, what it copies and removes, and where requests go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import ceil

import msgspec

from gateway.config.route_settings import RouteSettings
from gateway.config.settings import Settings, to_routes
from gateway.credentials.kinds import build_reader
from gateway.endpoints.forward_auth.kinds import FORWARD_AUTH
from gateway.http1.field_names import LISTED_TOLD_BY_US, TOLD_BY_US_FAMILIES
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.foreign_table import CREDENTIALS, FAMILIES
from gateway.model.errors import GatewayError
from gateway.model.headers import spelling
from gateway.model.route import UNIX, Match, Route, UpstreamAddress

_CONNECTION = frozenset(
    {b"http2-settings", b"proxy", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"}
)
"""Fields of the connection that some of the proxies send on, and `Proxy` (httpoxy, CVE-2016-5385)."""

_TRACE = frozenset({b"traceparent", b"tracestate", b"x-request-id"})
"""Traces are carried on; a request id is each proxy's own."""

_DECIDED = frozenset(
    {
        *(
            "name",
            "match",
            "access",
            "credentials",
            "on_many",
            "on_unauthenticated",
            "sign_in",
            "require",
            "origins",
            "audience",
            "rate_limit",
            "upstream",
        ),
        *("path_parameters", "encoded_slashes", "empty_segments", "any_bytes", "case_sensitive"),
    }
)
"""Keys of a route that are in the gateway's answer, whoever carries the request, or in the config that is printed."""

_PLAIN_METHOD = re.compile(r"[A-Z0-9_-]+")
"""What needs no quotes in any of the proxies' languages."""

ONLY = "app"
"""The name of the application where there is but one."""


class Application(msgspec.Struct, frozen=True):
    """One upstream of the routes: its name among them, and its addresses, which all have one scheme."""

    name: str
    addresses: tuple[UpstreamAddress, ...]


class Destination(msgspec.Struct, frozen=True):
    """What one route matches, and the name of the application that gets it; the first that matches counts."""

    match: Match
    application: str


class FrontPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One proxy's part, in lower-case names.

    `gateway` is where it asks (`HOST:PORT`), at `path`. `identity` are the headers that it copies from an allow, in the
    spelling of the config. `read` are those of all credentials, and `credentials` those that are removed after the
    decision. `removed` are removed before it, and so are all names of the `families` (prefixes) where a proxy can do
    that; `more_families` begin with a sign, or have names in `passing`, which clients may send. Limits are the
    gateway's, in bytes and seconds; `body_bytes` 0 is none. `grpc` says that the applications speak gRPC, which is
    HTTP/2; `asks_by_grpc` that the gateway is asked so.
    """

    gateway: str
    path: str
    identity: tuple[str, ...]
    read: tuple[str, ...]
    credentials: tuple[str, ...]
    removed: tuple[str, ...]
    families: tuple[str, ...]
    more_families: tuple[str, ...]
    passing: tuple[str, ...]
    applications: tuple[Application, ...]
    destinations: tuple[Destination, ...]
    body_bytes: int = 0
    head_bytes: int = 32768
    headers: int = 128
    head_timeout: int = 10
    grpc: bool = False
    asks_by_grpc: bool = False


def plan_for(proxy: str, settings: Settings, gateway: str) -> FrontPlan:
    """Return what `proxy` has to do in front of `settings`; raises GatewayError for routes that it cannot serve."""
    routes = to_routes(settings)
    token = settings.identity.token
    identity = (*settings.identity.headers.values(), "X-Identity-Token" if token is None else token.header)
    copied = {name.lower() for name in identity}
    readers = [build_reader(name, each, lambda _: b"") for name, each in settings.credentials.items()]
    read = {field.decode("ascii") for reader in readers for field in reader.headers}
    credentials = read - copied
    applications, destinations = _dispatch(routes)
    kept = {spelling(name.encode("ascii")) for name in (*copied, *credentials)} | _TRACE
    passing = CREDENTIALS | {spelling(name.encode("ascii")) for name in (*settings.identity.from_clients, *credentials)}
    families = frozenset(_whole_families(passing))
    return FrontPlan(
        gateway=gateway,
        path=_path_of(proxy, settings),
        identity=identity,
        read=tuple(sorted(read)),
        credentials=tuple(sorted(credentials)),
        removed=_texts((ForeignNames(settings.identity.from_clients).listed | LISTED_TOLD_BY_US | _CONNECTION) - kept),
        families=_texts(families),
        more_families=_texts({*FAMILIES, *TOLD_BY_US_FAMILIES} - families),
        passing=_texts(passing),
        applications=applications,
        destinations=destinations,
        body_bytes=settings.limits.body_bytes,
        head_bytes=settings.limits.head_bytes,
        headers=settings.limits.headers,
        head_timeout=ceil(settings.limits.head_timeout),
    )


def left_undone(proxy: str, settings: Settings) -> Iterator[str]:
    """Yield what the gateway does where it carries requests itself, and the config of `proxy` does not."""
    for key, field in RouteSettings.model_fields.items():
        usual = field.get_default(call_default_factory=True)
        names = [route.name for route in settings.routes if getattr(route, key) != usual]
        if names and key not in _DECIDED:
            yield f"{key} of {', '.join(names)}: the proxy's to do, and not in this config"
    if settings.limits.body_bytes and proxy != "nginx":
        yield "limits.body_bytes: the proxy's to do, and not in this config"


def _path_of(proxy: str, settings: Settings) -> str:
    """Return the path of the proxy's endpoint, its default where the config has none yet."""
    configured = settings.forward_auth.get(proxy)
    return configured.path if configured is not None else FORWARD_AUTH.own[proxy].settings.model_validate({}).path


def _whole_families(passing: set[bytes] | frozenset[bytes]) -> Iterator[bytes]:
    """Yield the prefixes under which no name may pass; one that begins with a sign is no prefix of a usual name."""
    for prefix in (*FAMILIES, *TOLD_BY_US_FAMILIES):
        if not prefix.startswith(b"-") and not any(name.startswith(prefix) for name in passing):
            yield prefix


def _texts(names: Iterator[bytes] | frozenset[bytes] | set[bytes]) -> tuple[str, ...]:
    return tuple(sorted(name.decode("ascii") for name in names))


def _dispatch(routes: Sequence[Route]) -> tuple[tuple[Application, ...], tuple[Destination, ...]]:
    """Return the applications behind the routes, and which route goes where; none of the latter where all go to one."""
    names: dict[tuple[UpstreamAddress, ...], str] = {}
    for route in routes:
        if len({address.scheme for address in route.upstream}) != 1:
            raise GatewayError(f"route {route.name}: its upstreams have several schemes, which no proxy takes together")
        if route.upstream[0].scheme == UNIX:
            raise GatewayError(f"route {route.name}: a socket file is this machine's, and the proxy may be elsewhere")
        if any(address.path for address in route.upstream):
            raise GatewayError(f"route {route.name}: a base path of an upstream is not written for a proxy")
        if not all(map(_PLAIN_METHOD.fullmatch, route.match.methods)):
            raise GatewayError(f"route {route.name}: a method with signs in its name is not written for a proxy")
        names.setdefault(route.upstream, f"{ONLY}-{route.name}")
    if not names:
        raise GatewayError("the config has no routes, so there is nothing to send requests to")
    if len(names) == 1:
        return (Application(ONLY, routes[0].upstream),), ()
    applications = tuple(Application(name, addresses) for addresses, name in names.items())
    return applications, tuple(Destination(route.match, names[route.upstream]) for route in routes)
