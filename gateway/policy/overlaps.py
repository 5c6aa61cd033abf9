"""Pairs of routes where the earlier, laxer one takes requests that the later, stricter one seems to guard.

For `check`, which warns of them: none is wrong in itself, but each has been a security hole somewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.method import STANDARD
from gateway.model.route import Access, Match, Require, Route
from gateway.policy.routes import RouteTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STRICTNESS = {Access.PUBLIC: 0, Access.OPTIONAL: 1, Access.REQUIRED: 2}
_ANY_OF = ("roles", "organization_roles", "organizations", "projects", "workspaces", "kinds", "email_domains")
_ALL_OF = ("all_roles", "scopes")


def public_inside_required(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, outer place)` of every public route inside a later one that requires a session."""
    return [
        (earlier, later)
        for earlier, later in _meeting_pairs(routes)
        if routes[earlier].access is Access.PUBLIC
        and routes[later].access is Access.REQUIRED
        and _path_within(routes[earlier].match.path, routes[later].match.path)
    ]


def stricter_behind_laxer(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, laxer place)` of every route of whose requests an earlier, laxer one takes a part.

    An earlier route for a narrower path is the usual way to write an exception, and is not listed.
    """
    return [
        (later, earlier)
        for earlier, later in _meeting_pairs(routes)
        if _is_laxer(routes[earlier], routes[later])
        and _path_within(routes[later].match.path, routes[earlier].match.path)
    ]


def listed_beside_laxer(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, laxer place)` of every route that lists methods, where a later, laxer one takes all others.

    Any token is a method: what is guarded as PUT and DELETE is not as PROPPATCH, or as one that somebody made up.
    """
    table = RouteTable(routes)
    pairs = []
    for place, route in enumerate(routes):
        taker = table.place(route.match.host.lower(), route.match.path, "") if route.match.methods else None
        if taker is not None and taker > place and _is_laxer(routes[taker], route):
            pairs.append((place, taker))
    return pairs


def exact_beside_laxer(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, laxer place)` of every route for an exact path whose path with a slash a laxer one takes.

    Many servers treat `/admin/` as `/admin`, so that it is answered 404, unless the laxer one is `case_sensitive`.
    """
    table = RouteTable(routes)
    pairs = []
    for place, route in enumerate(routes):
        match = route.match
        if not match.path.endswith("/"):
            takers = {
                table.place(match.host.lower(), f"{match.path}/", method) for method in match.methods or _methods(table)
            }
            pairs += [(place, at) for at in takers if at is not None and _is_laxer(routes[at], route)]
    return sorted(pairs)


def alike(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, other place)` of every route whose own path is another's too where letter case does not count.

    Nor does a last slash. Such a path is answered 404, unless the route is `case_sensitive`.
    """
    table = RouteTable(routes)
    pairs = set()
    for place, route in enumerate(routes):
        match = route.match
        for method in match.methods or _methods(table):
            if table.place(match.host.lower(), match.path, method) == place and not route.case_sensitive:
                pairs.add((place, table.alike(match.host.lower(), match.path, method)))
    return sorted((place, other) for place, other in pairs if other is not None)


def _methods(table: RouteTable) -> frozenset[str]:
    """Return the methods of a route that lists none, as far as they can make a difference."""
    return table.methods.union(STANDARD)


def _meeting_pairs(routes: Sequence[Route]) -> Iterator[tuple[int, int]]:
    """Yield every two places, the earlier first, whose routes both match some request."""
    for later, route in enumerate(routes):
        for earlier in range(later):
            if _meet(routes[earlier].match, route.match):
                yield earlier, later


def _meet(one: Match, other: Match) -> bool:
    paths = _path_within(one.path, other.path) or _path_within(other.path, one.path)
    return paths and _hosts_meet(one.host.lower(), other.host.lower()) and _methods_meet(one.methods, other.methods)


def _methods_meet(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(one & other)


def _hosts_meet(one: str, other: str) -> bool:
    if not one or not other or one == other:
        return True
    return _is_under(one, other) or _is_under(other, one)


def _is_under(name: str, pattern: str) -> bool:
    return pattern.startswith("*.") and name.partition(".")[2] == pattern.removeprefix("*.")


def _path_within(inner: str, outer: str) -> bool:
    """Tell whether `outer` matches every path that `inner` matches."""
    if not outer.endswith("/"):
        return inner == outer
    return f"{inner}/".startswith(outer)


def _is_laxer(one: Route, other: Route) -> bool:
    if one.access is not other.access:
        return _STRICTNESS[one.access] < _STRICTNESS[other.access]
    return _requires_less(one.require, other.require)


def _requires_less(one: Require, other: Require) -> bool:
    """Tell whether somebody may pass `one` who may not pass `other`."""
    for name in _ANY_OF:
        accepts, wanted = getattr(one, name), getattr(other, name)
        if wanted and not (accepts and accepts <= wanted):
            return True
    if any(not getattr(other, name) <= getattr(one, name) for name in _ALL_OF):
        return True
    if other.email_domains and one.unverified_emails and not other.unverified_emails:
        return True
    for name, values in other.claims.items():
        accepted = one.claims.get(name)
        if not accepted or not accepted <= values:
            return True
    # of alternatives and exceptions only those that are the same are known to let nobody else pass
    return bool(other.any_of and one.any_of != other.any_of) or any(each not in one.not_ for each in other.not_)
