"""Caddy's config."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from gateway.model.route import Match
from gateway.proxy_configs.plan import Application, FrontPlan
from gateway.proxy_configs.template import fill


def caddy_config(plan: FrontPlan) -> str:
    """Return the text of the Caddyfile."""
    families = tuple(plan.families)
    single = [name for name in plan.removed if not name.startswith(families)]
    blocks = {
        "removed": [
            *(f"request_header -{name}*" for name in families),
            *(f"request_header -{name}" for name in single),
        ],
        "identity": list(plan.identity),
        "credentials": [f"request_header -{name}" for name in plan.credentials],
        "applications": list(_applications(plan)),
    }
    words = {
        "gateway": plan.gateway,
        "path": plan.path,
        "deletes": _deletes(plan.identity),
        "head_bytes": f"{plan.head_bytes // 1024}KiB",
        "head_timeout": f"{plan.head_timeout}s",
    }
    return fill("Caddyfile", blocks, words)


def _deletes(identity: tuple[str, ...]) -> str:
    """Return a regular expression for what may not be named in Connection: the headers that are copied."""
    if all(name.lower().startswith("x-") for name in identity):
        return "x[-_.]"
    return "(" + "|".join(name.lower().replace("-", "[-_.]") for name in identity) + ")"


def _applications(plan: FrontPlan) -> Iterator[str]:
    if not plan.destinations:
        yield _reverse_proxy(plan.applications[0])
        return
    applications = {application.name: application for application in plan.applications}
    for place, destination in enumerate(plan.destinations):
        yield f"@route-{place} {{"
        yield from (f"\t{line}" for line in _matchers(destination.match))
        yield "}"
        yield f"handle @route-{place} {{"
        yield f"\t{_reverse_proxy(applications[destination.application])}"
        yield "}"
    yield "respond 404"


def _matchers(match: Match) -> Iterator[str]:
    """Yield what a route asks for; by regular expression, since Caddy's own `path` ignores case."""
    path = re.escape(unquote(match.path))
    yield f"path_regexp `^{path.removesuffix('/')}(/|$)`" if path.endswith("/") else f"path_regexp `^{path}$`"
    if match.host:
        yield f"host {match.host}"
    if match.methods:
        yield f"method {' '.join(sorted(match.methods))}"


def _reverse_proxy(application: Application) -> str:
    return f"reverse_proxy {' '.join(str(address).removeprefix('http://') for address in application.addresses)}"
