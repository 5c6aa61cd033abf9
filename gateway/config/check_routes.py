"""Problems of routes whose keys are right one by one; those of an order are in `check_order`."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.config.check_fields import check_fields
from gateway.config.check_order import check_order
from gateway.config.check_own_paths import check_taken_path
from gateway.config.check_require import check_require
from gateway.config.listed_readers import shared_readers, unknown_readers
from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.kinds import in_url, read_by_default
from gateway.model.errors import Problem
from gateway.model.route import Access, LimitBy, OnMany, UpstreamAddress
from gateway.source.addresses import is_loopback
from gateway.source.certificates import ClientTlsSettings


def check_routes(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of the routes, one by one and against each other."""
    for place, route in config.routes.items():
        yield from _stars(config, place, route)
        yield from _readers(config, place, route)
        yield from _rules(config, place, route)
        yield from _upstream(config, place, route)
        yield from check_taken_path(config, place, route)
        yield from check_fields(config, place, route)
    yield from _names(config)
    yield from _tls(config)
    yield from check_order(config)


def _stars(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield a star, which other programs take for any characters."""
    if "*" in str(route.match.path):
        text = "has a *, which is a character like any other here: /orders/ is every path below it"
        yield config.warning(text, "routes", place, "match", "path")


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


def _names(config: PartialConfig) -> Iterator[Problem]:
    first_places: dict[str, int] = {}
    for place, name in config.route_names.items():
        earlier = first_places.setdefault(name, place)
        if earlier != place:
            yield config.problem(f"is the name of routes[{earlier}] too", "routes", place, "name")
