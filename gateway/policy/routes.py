"""The route of a request: the first that matches, found at a cost that does not grow with the number of routes.

Correct programs read `/public%2Fadmin`, `/admin;x=y`, `/ADMIN` and `/admin/` differently (see `readings`). A path whose
readings do not all match the same route matches none, because the upstream might serve what another route guards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.memo import AdmissionMemo
from gateway.model.route import Route
from gateway.model.target import ALWAYS_READ, Oddity
from gateway.policy.readings import folded, other_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Ranked = tuple[int, Route]
"""A route and its place in the config; the smallest place wins."""

_REMEMBERED = 1024
"""Matches that are remembered: far more than the paths that make up most of the traffic."""

_LONGEST = 512
"""Characters of host and path of a match that is remembered, so that a caller who makes them up fills no memory."""


class RouteTable:
    """The routes of one config, compiled once.

    `routes` are in the config's order, `oddities` what one of them allows a path to hold, and `methods` those that one
    of them lists.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        ranked = tuple(enumerate(self.routes))
        self._written = _Hosts(ranked, str)
        self._folded = _Hosts(ranked, folded)
        self._exact = frozenset(folded(route.match.path) for route in routes if not route.match.path.endswith("/"))
        self._is_plain = all(route.match.path == folded(route.match.path) for route in routes)
        self.oddities = frozenset(ALWAYS_READ) | {
            oddity for oddity in Oddity for route in routes if getattr(route, oddity.value)
        }
        self.methods = frozenset(method for route in routes for method in route.match.methods)
        self._matches: AdmissionMemo[tuple[str, str, str], tuple[Route | None]] = AdmissionMemo(_REMEMBERED)

    def match(self, host: str, path: str, method: str) -> Route | None:
        """Return the first route that matches `host` (as `Host.name`), `path` (as `Target.match`) and `method`."""
        key = (host, path, method)
        known = self._matches.get(key)
        if known is None:
            known = (self._match(host, path, method),)
            if len(host) + len(path) <= _LONGEST:
                self._matches.put(key, known, key)
        return known[0]

    def place(self, host: str, path: str, method: str) -> int | None:
        """Return the place of the first route that matches *everything* that a route's own `host` and `path` match.

        An empty method stands for all methods.
        """
        found = self._written.first(host, path, method)
        return found[0] if found is not None else None

    def alike(self, host: str, path: str, method: str) -> int | None:
        """Return the place of another route that takes `path` where letter case, or its last slash, does not count."""
        found = self._written.first(host, path, method)
        other = None if found is None else self._other_spelling(host, path, method, found)
        return None if other is None else other[0]

    def _match(self, host: str, path: str, method: str) -> Route | None:
        found = self._written.first(host, path, method)
        if found is None:
            return None
        readings = other_readings(path, found[1].strip_prefix)
        for reading in readings:
            if self._written.first(host, reading, method) is not found:
                return None
        if not found[1].case_sensitive:
            for reading in (path, *readings):
                if self._other_spelling(host, reading, method, found) is not None:
                    return None
        return found[1]

    def _other_spelling(self, host: str, path: str, method: str, found: Ranked) -> Ranked | None:
        """Return another route than `found` that the path meets in another case, or without its last slash.

        A route for an exact path is met by it as it is written: that its path with a slash belongs to others is what
        an exact path is for.
        """
        spelled = folded(path)
        if spelled != path or not self._is_plain:
            other = self._folded.first(host, spelled, method)
            if other is not None and other is not found:
                return other
        if spelled.endswith("/") and spelled[:-1] in self._exact:
            other = self._folded.first(host, spelled[:-1], method)
            if other is not None and other is not found:
                return other
        return None


def unreachable(routes: Sequence[Route]) -> list[tuple[int, int]]:
    """Return `(place, hiding place)` of every route that never matches, because earlier ones take all its requests.

    Where several earlier routes do so together (one has GET, one POST), the hiding place is the last of them.
    """
    table = RouteTable(routes)
    hidden = []
    for place, route in enumerate(table.routes):
        match = route.match
        takers = [table.place(match.host.lower(), match.path, method) for method in match.methods or {""}]
        if all(taker is not None and taker < place for taker in takers):
            hidden.append((place, max(taker for taker in takers if taker is not None)))
    return hidden


class _Hosts:
    """The routes by host pattern, each with its path as `spelled`."""

    __slots__ = ("_any", "_by_name", "_by_parent", "_names_hosts")

    def __init__(self, ranked: Iterable[Ranked], spelled: Callable[[str], str]) -> None:
        self._any = _Paths()
        self._by_name: dict[str, _Paths] = {}
        self._by_parent: dict[str, _Paths] = {}
        for each in ranked:
            match = each[1].match
            self._paths_for(match.host.lower()).add(each, spelled(match.path))
        self._names_hosts = bool(self._by_name or self._by_parent)

    def first(self, host: str, path: str, method: str) -> Ranked | None:
        first = self._any.first(path, method)
        for paths in self._paths_of(host) if self._names_hosts else ():
            found = paths.first(path, method)
            if found is not None and (first is None or found[0] < first[0]):
                first = found
        return first

    def _paths_of(self, host: str) -> Iterator[_Paths]:
        """Yield the routes by path of each host pattern that matches `host`: at most two."""
        if host in self._by_name:
            yield self._by_name[host]
        label, _, parent = host.partition(".")
        if label and parent in self._by_parent:
            yield self._by_parent[parent]

    def _paths_for(self, pattern: str) -> _Paths:
        if not pattern:
            return self._any
        if pattern.startswith("*."):
            return self._by_parent.setdefault(pattern.removeprefix("*."), _Paths())
        return self._by_name.setdefault(pattern, _Paths())


class _Paths:
    """The routes of one host pattern: exact paths in a dictionary, prefixes in a tree of segments.

    The search goes no deeper than the longest prefix of the config, so a path of a thousand segments costs no more than
    one of ten.
    """

    __slots__ = ("_deepest", "_exact", "_prefixes")

    def __init__(self) -> None:
        self._exact: dict[str, _Methods] = {}
        self._prefixes = _Node()
        self._deepest = 0

    def add(self, ranked: Ranked, path: str) -> None:
        methods = ranked[1].match.methods
        if not path.endswith("/"):
            self._exact.setdefault(path, _Methods()).add(ranked, methods)
            return
        node = self._prefixes
        segments = path.split("/")[1:-1]
        for segment in segments:
            node = node.children.setdefault(segment, _Node())
        node.methods.add(ranked, methods)
        self._deepest = max(self._deepest, len(segments))

    def first(self, path: str, method: str) -> Ranked | None:
        exact = self._exact.get(path)
        first = exact.first(method) if exact is not None else None
        node: _Node | None = self._prefixes
        segments = iter(path.split("/", self._deepest + 1)[1:])
        while node is not None:
            found = node.methods.first(method)
            if found is not None and (first is None or found[0] < first[0]):
                first = found
            node = node.children.get(next(segments, ""))
        return first


class _Node:
    """The prefixes that share their first segments.

    No child has an empty name: a canonical path has no empty segment but its last.
    """

    __slots__ = ("children", "methods")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.methods = _Methods()


class _Methods:
    """The routes of one host and path, by method; of each method only the first counts."""

    __slots__ = ("_by_method", "_every")

    def __init__(self) -> None:
        self._by_method: dict[str, Ranked] = {}
        self._every: Ranked | None = None

    def add(self, ranked: Ranked, methods: frozenset[str]) -> None:
        if not methods and self._every is None:
            self._every = ranked
        for method in methods:
            self._by_method.setdefault(method, ranked)
        if "GET" in methods:  # HEAD is GET without the body (RFC 9110 section 9.3.2)
            self._by_method.setdefault("HEAD", ranked)

    def first(self, method: str) -> Ranked | None:
        listed, every = self._by_method.get(method), self._every
        if listed is None or every is None:
            return listed or every
        return min(listed, every, key=_rank)


def _rank(ranked: Ranked) -> int:
    return ranked[0]
