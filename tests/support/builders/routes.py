"""Routes and sessions for tests of the judgement."""

from __future__ import annotations

import ssl

from gateway.model.route import Access, Match, Require, Route, UpstreamTls


def route(
    path: str = "/",
    host: str = "",
    methods: tuple[str, ...] = (),
    access: Access = Access.REQUIRED,
    require: Require | None = None,
) -> Route:
    """Return a route that is named for what it matches."""
    match = Match(path, host, frozenset(methods))
    return Route(name=f"{host}{path}", match=match, access=access, require=require or Require())


def no_tls(_: UpstreamTls) -> ssl.SSLContext:
    """Stand for the TLS of upstreams of which none is `https`."""
    raise AssertionError("no upstream here needs TLS")
