"""What routes cut out of a request before it is sent, besides headers and cookies: secrets in a query or a protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gateway.credentials.reader import Reader
from gateway.model.decision import AccessRequest
from gateway.model.headers import Headers
from gateway.model.route import Route
from gateway.model.target import Target


class _Bare(msgspec.Struct, frozen=True):
    """Target and fields without a secret, and what is made of them for equal requests."""

    target: Target
    headers: Headers
    made: dict[object, Any]


class Shedding:
    """Cuts out what the readers of a route name; falsy where no route has such readers.

    A route that forwards credentials sends them on here too.
    """

    def __init__(self, routes: Iterable[Route], readers: Mapping[str, Reader]) -> None:
        listed = {
            route.name: tuple(readers[name] for name in route.credentials if _sheds(readers[name]))
            for route in routes
            if not route.forward_credentials
        }
        self._readers = {name: each for name, each in listed.items() if each}

    def __bool__(self) -> bool:
        """Tell whether any route has something to cut out."""
        return bool(self._readers)

    def bare(self, access: AccessRequest, route: Route | None) -> AccessRequest:
        """Return the request as an upstream of `route` may see it; equal requests are cut once."""
        readers = self._readers.get(route.name) if route is not None else None
        if readers is None:
            return access
        known: _Bare | None = access.made.get(self)
        if known is None:
            cut = access
            for reader in readers:
                cut = reader.without(cut)
            known = access.made[self] = _Bare(cut.target, cut.headers, {} if cut is not access else access.made)
        return msgspec.structs.replace(access, target=known.target, headers=known.headers, made=known.made)


def _sheds(reader: Reader) -> bool:
    return not (reader.headers or reader.cookies)
