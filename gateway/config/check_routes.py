"""What is wrong with routes although each key of theirs is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.own_paths import OwnPath, own_paths
from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.credentials.kinds import shared_places
from gateway.endpoints.public_port import OWN
from gateway.model.errors import Problem
from gateway.model.route import Access, LimitBy, Route
from gateway.policy.overlaps import exact_beside_laxer, public_inside_required, stricter_behind_laxer
from gateway.policy.routes import unreachable
from gateway.source.addresses import is_loopback


def check_routes(parts: PartialConfig) -> Iterator[Problem]:
    """Yield what is wrong with the routes, one by one and against each other."""
    for place, route in parts.routes.items():
        yield from _readers(parts, place, route)
        yield from _rules(parts, place, route)
        yield from _upstream(parts, place, route)
        yield from _own_path(parts, place, route)
    yield from _names(parts)
    yield from _order(parts)


def _readers(parts: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield readers that do not exist, that are listed twice, and that read the same place."""
    listed = route.credentials
    yield from unknown_readers(parts, listed or (), "routes", place, "credentials")
    if route.access is Access.PUBLIC:
        if listed:
            yield parts.warning("is not used: a public route reads no credential", "routes", place, "credentials")
        return
    names = parts.reader_names if listed is None else listed
    if not names and route.access is Access.REQUIRED:
        yield parts.problem("reads no credential, so nobody can ever pass", "routes", place, "credentials")
    read = tuple(parts.credentials) if listed is None else listed
    yield from shared_readers(parts, read, "routes", place, "credentials")


def _rules(parts: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield rules that a person believes in and that do nothing."""
    if route.access is Access.PUBLIC and route.require.model_fields_set:
        yield parts.problem("is never asked for: the route is public", "routes", place, "require")
    limit = route.rate_limit
    if limit is not None and route.access is Access.PUBLIC and limit.per is not LimitBy.ADDRESS:
        text = f"limits nobody: a public route knows no {limit.per}; use per: address"
        yield parts.problem(text, "routes", place, "rate_limit")
    if route.audience and parts.sections.identity.token is None:
        yield parts.warning("is not used: there is no identity.token", "routes", place, "audience")
    if route.strip_prefix and not f"{route.match.path}/".startswith(f"{route.strip_prefix}/"):
        text = f"is not what the route's path begins with: {route.match.path}"
        yield parts.problem(text, "routes", place, "strip_prefix")


def _upstream(parts: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    for position, upstream in enumerate(route.upstream):
        if upstream.scheme == "http" and not is_loopback(upstream.host):
            text = "is reached without TLS: whoever is on the way can read it and forge identity headers"
            yield parts.warning(text, "routes", place, "upstream", position)
        if upstream in route.upstream[:position]:
            yield parts.warning("is listed twice", "routes", place, "upstream", position)


def _own_path(parts: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield routes for a path that the gateway answers itself (own paths win)."""
    taken = [own for own in own_paths(parts.sections, parts.session_info) if _takes(own, route)]
    for own in taken:
        text = f"the gateway answers {own.path} itself ({own.owner}), this route does not get it"
        yield parts.warning(text, "routes", place, "match", "path")
    if not taken and route.match.path.startswith(OWN):
        text = f"is beneath {OWN}, where the gateway alone answers: this route gets nothing"
        yield parts.warning(text, "routes", place, "match", "path")


def _takes(own: OwnPath, route: RouteSettings) -> bool:
    hosts_meet = not own.hosts or not route.match.host or route.match.host in own.hosts
    return hosts_meet and own.path in {route.match.path, route.match.path.removesuffix("/")}


def _names(parts: PartialConfig) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, name in parts.route_names.items():
        earlier = first.setdefault(name, place)
        if earlier != place:
            yield parts.problem(f"is the name of routes[{earlier}] too", "routes", place, "name")


def _order(parts: PartialConfig) -> Iterator[Problem]:
    """Yield routes that earlier ones hide, wholly or in part. All are warnings: the order may be meant."""
    places = tuple(parts.routes)
    routes = _nouns(parts.routes, tuple(parts.credentials))
    hidden = unreachable(routes)
    for index, hiding in hidden:
        text = f"can never match: routes[{places[hiding]}] ({routes[hiding].name}) takes all of it"
        yield parts.warning(text, "routes", places[index], "match")
    gone = {index for index, _ in hidden}
    for index, laxer in stricter_behind_laxer(routes):
        if index not in gone:
            text = f"is stricter than routes[{places[laxer]}] ({routes[laxer].name}), which takes a part of it"
            yield parts.warning(text, "routes", places[index], "match")
    for index, laxer in exact_beside_laxer(routes):
        path, name = routes[index].match.path, routes[laxer].name
        text = f"is exact: routes[{places[laxer]}] ({name}), a laxer one, takes {path}/, which many serve alike"
        yield parts.warning(text, "routes", places[index], "match", "path")
    for index, outer in public_inside_required(routes):
        if index not in gone:
            text = f"is public, inside of what routes[{places[outer]}] ({routes[outer].name}) requires a session for"
            yield parts.warning(text, "routes", places[index], "access")


def _nouns(routes: Mapping[int, RouteSettings], readers: tuple[str, ...]) -> tuple[Route, ...]:
    return tuple(route.to_route(readers, 0) for route in routes.values())


def unknown_readers(parts: PartialConfig, names: tuple[str, ...], *path: str | int) -> Iterator[Problem]:
    """Yield the `names`, listed at `path`, that are no reader's, and those that are listed twice."""
    for position, name in enumerate(names):
        if name not in parts.reader_names:
            yield parts.problem(f"{name} is not one of credentials", *path, position)
        elif name in names[:position]:
            yield parts.problem(f"{name} is listed twice", *path, position)


def shared_readers(parts: PartialConfig, names: tuple[str, ...], *path: str | int) -> Iterator[Problem]:
    """Yield every two readers of `names` that read the same header or cookie: they find two credentials, always."""
    readers = {name: parts.credentials[name] for name in names if name in parts.credentials}
    for name, earlier, place in shared_places(readers):
        yield parts.problem(f"{name} and {earlier} both read the {place}", *path)
