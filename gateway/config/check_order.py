"""Problems of routes beside each other: what one hides, or lets pass that another would not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.credentials.kinds import read_by_default
from gateway.model.errors import Problem
from gateway.model.route import Route
from gateway.policy.overlaps import (
    alike,
    exact_beside_laxer,
    listed_beside_laxer,
    public_inside_required,
    stricter_behind_laxer,
)
from gateway.policy.routes import unreachable


def check_order(config: PartialConfig) -> Iterator[Problem]:
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
