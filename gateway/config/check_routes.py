"""Problems of routes, readers, authorities and own paths whose keys are right one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.kinds import can_disown
from gateway.config.check_fields import check_fields
from gateway.config.check_require import check_require
from gateway.config.listed_readers import shared_readers, unknown_readers
from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.config.settings import Sections
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.header_jwt import HeaderJwtSettings
from gateway.credentials.kinds import in_url, read_by_default
from gateway.dialects import normal, own_sessions
from gateway.dialects.kinds import serve
from gateway.dialects.product_actions import build_actions
from gateway.dialects.settings import EndpointSettings
from gateway.endpoints.own_paths import DEVICES, DOCUMENT, OWN
from gateway.model.errors import Problem
from gateway.model.route import Access, LimitBy, OnMany, Route, UpstreamAddress
from gateway.policy.overlaps import (
    alike,
    exact_beside_laxer,
    listed_beside_laxer,
    public_inside_required,
    stricter_behind_laxer,
)
from gateway.policy.routes import unreachable
from gateway.source.addresses import is_loopback
from gateway.source.certificates import ClientTlsSettings


class OwnPath(msgspec.Struct, frozen=True):
    """A canonical path that the gateway answers itself.

    `owner` says which endpoint, `key` is the place in the config that asks for it. Empty `hosts` are all.
    """

    path: str
    owner: str
    key: tuple[str | int, ...] = ()
    hosts: frozenset[str] = frozenset()

    def meets(self, other: OwnPath) -> bool:
        """Return whether one request may be for both."""
        return self.path == other.path and (not self.hosts or not other.hosts or bool(self.hosts & other.hosts))


def own_paths(sections: Sections, session_info: Mapping[int, EndpointSettings]) -> Iterator[OwnPath]:
    """Yield every own path of a config; `session_info` maps a place in that list to its settings."""
    yield OwnPath(normal.PATH, "the session in its normal form")
    yield OwnPath(DOCUMENT, "the OpenAPI document")
    if sections.sessions is not None:
        for path in (*own_sessions.PATHS, DEVICES):
            hosts = frozenset(sections.sessions.hosts)
            yield OwnPath(path, "people's own sessions", ("sessions",), hosts)
    token = sections.identity.token
    if token is not None:
        yield OwnPath(token.jwks_path, "the identity token's keys", ("identity", "token", "jwks_path"))
    for name, endpoint in sections.forward_auth.items():
        yield OwnPath(endpoint.path, f"forward-auth, {name}", ("forward_auth", name, "path"))
    for place, settings in session_info.items():
        actions = build_actions(settings)
        acted = [path for each in actions.actions for path in each.paths] if actions is not None else []
        for path in (*serve(settings).paths, *acted):
            yield OwnPath(path, f"session_info, {settings.dialect}", ("session_info", place), frozenset(settings.hosts))


def check_credentials(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of `credentials` and `session_info`, and of own paths."""
    for name, reader in config.credentials.items():
        if isinstance(reader, HeaderJwtSettings) and not config.sections.trusted_proxies:
            text = "is believed of trusted_proxies alone, and there are none: this is nobody's"
            yield config.warning(text, "credentials", name, "kind")
        yield from _authorities(config, tuple(reader.authority), name)
    yield from _callers(config)
    for place, endpoint in config.session_info.items():
        listed = tuple(endpoint.credentials)
        yield from unknown_readers(config, listed, "session_info", place, "credentials")
        yield from shared_readers(config, listed, "session_info", place, "credentials")
        for position, name in enumerate(listed):
            if name in config.credentials and in_url(config.credentials[name]):
                text = f"{name} is for routes alone: it is cut out of what is sent, and nothing is sent here"
                yield config.problem(text, "session_info", place, "credentials", position)
    yield from _shared_paths(config)


def _callers(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of who may call the admin API."""
    admin = config.sections.admin
    yield from unknown_readers(config, admin.credentials, "admin", "credentials")
    yield from shared_readers(config, admin.credentials, "admin", "credentials")
    if admin.credentials and not admin.roles:
        yield config.warning("lets nobody do anything: no role is given a permission", "admin", "roles")
    if admin.host is not None and not admin.credentials:
        yield config.warning("answers nobody: admin.credentials lists no reader", "admin", "host")
    if admin.roles and not admin.credentials:
        yield config.warning("are nobody's: admin.credentials lists no reader", "admin", "roles")
    directories = {name for name, each in config.authorities.items() if isinstance(each, DirectorySettings)}
    if admin.directory is not None and admin.directory not in directories:
        yield config.problem(f"{admin.directory} is no authority of the kind directory", "admin", "directory")


def check_routes(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of the routes, one by one and against each other."""
    for place, route in config.routes.items():
        yield from _readers(config, place, route)
        yield from _rules(config, place, route)
        yield from _upstream(config, place, route)
        yield from _own_path(config, place, route)
        yield from check_fields(config, place, route)
    yield from _names(config)
    yield from _tls(config)
    yield from _order(config)


def _authorities(config: PartialConfig, names: tuple[str, ...], reader: str) -> Iterator[Problem]:
    for position, name in enumerate(names):
        path = ("credentials", reader, "authority", position)
        if name not in config.authority_names:
            yield config.problem(f"{name} is not one of authorities", *path)
        elif name in names[:position]:
            yield config.problem(f"{name} is listed twice", *path)
        elif position < len(names) - 1 and (listed := config.authorities.get(name)) and not can_disown(listed):
            text = f"{name} cannot tell what is not its own, so {names[position + 1]} would never be asked: put it last"
            yield config.problem(text, *path)


def _shared_paths(config: PartialConfig) -> Iterator[Problem]:
    """Yield every two own paths that one request may be for."""
    earlier: list[OwnPath] = []
    reported = set()
    for own in own_paths(config.sections, config.session_info):
        other = next((other for other in earlier if own.meets(other)), None)
        if other is not None and own.key not in reported:
            reported.add(own.key)  # a dialect has two spellings of its path; one problem is enough
            yield config.problem(f"answers at {own.path}, where {other.owner} is answered already", *own.key)
        earlier.append(own)


def _readers(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield readers that do not exist, are listed twice, read one place, or leave their secret there."""
    explicit = {name for name, settings in config.credentials.items() if in_url(settings)}
    listed = route.credentials
    yield from unknown_readers(config, listed or (), "routes", place, "credentials")
    if route.access is Access.PUBLIC:
        if listed:
            yield config.warning("is not used: a public route reads no credential", "routes", place, "credentials")
        return
    names = config.reader_names - explicit if listed is None else listed
    if not names and route.access is Access.REQUIRED:
        yield config.problem("reads no credential, so nobody can ever pass", "routes", place, "credentials")
    effective = read_by_default(config.credentials) if listed is None else listed
    yield from shared_readers(config, effective, "routes", place, "credentials")
    for name in effective if route.forward_credentials else ():
        reader = config.credentials.get(name)
        if isinstance(reader, CookieSettings) and reader.on_many is OnMany.FIRST:
            text = f"sends both of two cookies on, of which {name} judges the first: the upstream may take the other"
            yield config.problem(text, "routes", place, "forward_credentials")
    if config.sections.forward_auth:
        for position, name in enumerate(listed or ()):
            if name in explicit:
                text = f"{name} is sent on by a proxy that asks at a forward-auth endpoint, secret and all"
                yield config.warning(text, "routes", place, "credentials", position)


def _rules(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield rules that have no effect."""
    if route.access is Access.PUBLIC and route.require.model_fields_set:
        yield config.problem("is never asked for: the route is public", "routes", place, "require")
    yield from check_require(config, route.require, ("routes", place, "require"))
    limit = route.rate_limit
    if limit is not None and route.access is Access.PUBLIC and limit.per is not LimitBy.ADDRESS:
        text = f"limits nobody: a public route knows no {limit.per}; use per: address"
        yield config.problem(text, "routes", place, "rate_limit")
    login = route.on_unauthenticated
    if login is not None and route.access is Access.PUBLIC:
        yield config.problem("is never asked for: the route is public", "routes", place, "on_unauthenticated")
    if (
        login is not None
        and login.redirect.startswith("http://")
        and not is_loopback(urlsplit(login.redirect).hostname or "")
    ):
        text = "is reached without TLS: whoever is on the way can read it and sign in instead"
        yield config.warning(text, "routes", place, "on_unauthenticated", "redirect")
    if route.audience and config.sections.identity.token is None:
        yield config.warning("is not used: there is no identity.token", "routes", place, "audience")
    if route.strip_prefix and not f"{route.match.path}/".startswith(f"{route.strip_prefix}/"):
        text = f"is not what the route's path begins with: {route.match.path}"
        yield config.problem(text, "routes", place, "strip_prefix")
    if route.rewrite_paths and ";" in route.strip_prefix:
        text = f"cannot be put into the Path of a cookie, which a semicolon ends: {route.strip_prefix}"
        yield config.problem(text, "routes", place, "rewrite_paths")


def _upstream(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    for position, upstream in enumerate(route.upstream):
        if upstream.scheme == "http" and not is_loopback(upstream.host):
            text = "is reached without TLS: whoever is on the way can read it and forge identity headers"
            yield config.warning(text, "routes", place, "upstream", position)
        if upstream in route.upstream[:position]:
            yield config.warning("is listed twice", "routes", place, "upstream", position)
    if route.tls != ClientTlsSettings() and not any(upstream.scheme == "https" for upstream in route.upstream):
        yield config.problem("is of no use: no upstream here is https://", "routes", place, "tls")


def _tls(config: PartialConfig) -> Iterator[Problem]:
    """Yield each route that verifies an upstream otherwise than one before: metrics could not tell the two apart."""
    ways: dict[tuple[UpstreamAddress, str], tuple[str, ClientTlsSettings]] = {}
    for place, route in config.routes.items():
        for upstream in route.upstream:
            name, tls = ways.setdefault((upstream, route.tls.server_name), (route.name, route.tls))
            if upstream.scheme == "https" and tls != route.tls:
                text = f"is another than that of {name} for the same upstream and server_name"
                yield config.problem(text, "routes", place, "tls")


def _own_path(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield routes for a path that the gateway answers itself: own paths win."""
    taken = [own for own in own_paths(config.sections, config.session_info) if _takes(own, route)]
    for own in taken:
        text = f"the gateway answers {own.path} itself ({own.owner}), this route does not get it"
        yield config.warning(text, "routes", place, "match", "path")
    if not taken and route.match.path.startswith(OWN):
        text = f"is beneath {OWN}, where the gateway alone answers: this route gets nothing"
        yield config.warning(text, "routes", place, "match", "path")


def _takes(own: OwnPath, route: RouteSettings) -> bool:
    hosts_meet = not own.hosts or not route.match.host or route.match.host in own.hosts
    return hosts_meet and own.path in {route.match.path, route.match.path.removesuffix("/")}


def _names(config: PartialConfig) -> Iterator[Problem]:
    first_places: dict[str, int] = {}
    for place, name in config.route_names.items():
        earlier = first_places.setdefault(name, place)
        if earlier != place:
            yield config.problem(f"is the name of routes[{earlier}] too", "routes", place, "name")


def _order(config: PartialConfig) -> Iterator[Problem]:
    """Yield routes that earlier ones hide, wholly or in part; as warnings, because the order may be meant."""
    places = tuple(config.routes)
    routes = _routes(config.routes, read_by_default(config.credentials))
    hidden = unreachable(routes)
    for index, hiding in hidden:
        text = f"can never match: routes[{places[hiding]}] ({routes[hiding].name}) takes all of it"
        yield config.warning(text, "routes", places[index], "match")
    hidden_routes = {index for index, _ in hidden}
    for index, laxer in stricter_behind_laxer(routes):
        if index not in hidden_routes:
            text = f"is stricter than routes[{places[laxer]}] ({routes[laxer].name}), which takes a part of it"
            yield config.warning(text, "routes", places[index], "match")
    for index, laxer in listed_beside_laxer(routes):
        text = (
            f"lists some methods; all others, made-up ones too, are of routes[{places[laxer]}] ({routes[laxer].name})"
        )
        yield config.warning(f"{text}, a laxer one", "routes", places[index], "match", "methods")
    for index, laxer in exact_beside_laxer(routes):
        path, name = routes[index].match.path, routes[laxer].name
        outcome = "takes it" if routes[laxer].case_sensitive else "would take it, so it is answered 404"
        text = f"is exact, and many serve {path}/ alike: routes[{places[laxer]}] ({name}), a laxer one, {outcome}"
        yield config.warning(text, "routes", places[index], "match", "path")
    for index, other in alike(routes):
        text = (
            f"is answered 404: without letter case or its last slash it is of routes[{places[other]}] "
            f"({routes[other].name}); case_sensitive: true where the upstream tells them apart"
        )
        yield config.warning(text, "routes", places[index], "match", "path")
    for index, outer in public_inside_required(routes):
        if index not in hidden_routes:
            text = f"is public, inside of what routes[{places[outer]}] ({routes[outer].name}) requires a session for"
            yield config.warning(text, "routes", places[index], "access")


def _routes(routes: Mapping[int, RouteSettings], readers: tuple[str, ...]) -> tuple[Route, ...]:
    return tuple(route.to_route(readers, 0) for route in routes.values())
