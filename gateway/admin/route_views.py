"""The routes as they were loaded, and which of them take requests of others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.model.route import Require, Route
from gateway.model.url import without_passwords
from gateway.policy.overlaps import alike, exact_beside_laxer, public_inside_required, stricter_behind_laxer
from gateway.policy.routes import unreachable

_OVERLAPS = (
    (unreachable, "can never match: {other} takes all of it"),
    (stricter_behind_laxer, "is stricter than {other}, which takes a part of it"),
    (exact_beside_laxer, "is exact, and its path with a slash is {other}'s"),
    (alike, "is answered 404: without letter case or its last slash it is {other}'s"),
    (public_inside_required, "is public, inside of what {other} requires a session for"),
)


class RouteOverlap(msgspec.Struct, frozen=True):
    """Another route that meets the same requests, and what comes of it."""

    route: str
    detail: str


class RouteView(msgspec.Struct, frozen=True):
    """A route of the config, without its secrets; the first that matches wins."""

    name: str
    host: str
    path: str
    methods: tuple[str, ...]
    access: str
    credentials: tuple[str, ...]
    require: Require
    upstream: tuple[str, ...]
    overlaps: tuple[RouteOverlap, ...]


class RouteViews(msgspec.Struct, frozen=True):
    """All routes, in the config's order."""

    rows: tuple[RouteView, ...]


def views_of(routes: Sequence[Route]) -> RouteViews:
    """Return the routes as the API shows them."""
    overlaps: dict[int, list[RouteOverlap]] = {}
    for find, text in _OVERLAPS:
        for place, other in find(routes):
            name = routes[other].name
            overlaps.setdefault(place, []).append(RouteOverlap(name, text.format(other=name)))
    return RouteViews(
        tuple(
            RouteView(
                name=route.name,
                host=route.match.host,
                path=route.match.path,
                methods=tuple(sorted(route.match.methods)),
                access=str(route.access),
                credentials=tuple(route.credentials),
                require=route.require,
                upstream=tuple(without_passwords(str(each)) for each in route.upstream),
                overlaps=tuple(overlaps.get(place, ())),
            )
            for place, route in enumerate(routes)
        )
    )
