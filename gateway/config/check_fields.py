"""Problems of the header fields that a route sets or leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.partial import PartialConfig
from gateway.config.route_settings import FieldChangesSettings, RouteSettings
from gateway.http1.field_names import HOP_BY_HOP, MESSAGE, is_told_by_us
from gateway.model.errors import Problem
from gateway.model.headers import spelling


def check_fields(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield names that no route may set or leave out: what the gateway says itself, and what frames a message."""
    own = _identity_names(config)
    for key, changes in (("request_headers", route.request_headers), ("response_headers", route.response_headers)):
        for name, path in _names(changes):
            canonical = spelling(name.encode("ascii"))
            if canonical in HOP_BY_HOP | MESSAGE:
                yield config.problem(
                    f"{name} belongs to the connection or frames the message", "routes", place, key, *path
                )
            elif key == "request_headers" and canonical in own:
                yield config.problem(f"{name} tells who is calling", "routes", place, key, *path)
            elif key == "request_headers" and is_told_by_us(canonical):
                yield config.problem(f"{name} is the gateway's own word", "routes", place, key, *path)


def _identity_names(config: PartialConfig) -> frozenset[bytes]:
    identity = config.sections.identity
    token = (identity.token.header,) if identity.token is not None else ()
    return frozenset(spelling(name.encode("ascii")) for name in (*identity.headers.values(), *token))


def _names(changes: FieldChangesSettings) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for name in changes.set:
        yield name, ("set", name)
    for position, name in enumerate(changes.remove):
        yield name, ("remove", position)
