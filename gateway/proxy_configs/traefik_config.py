"""Traefik's two files."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from gateway.model.route import Match
from gateway.proxy_configs.plan import ONLY, Destination, FrontPlan
from gateway.proxy_configs.template import fill

_SET = frozenset(
    {"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server", "x-real-ip"}
)
"""What its entry points and ForwardAuth set anew."""

_HANDSHAKE = (
    "Method(`GET`) && HeaderRegexp(`Upgrade`, `(?i)^websocket$`) && Header(`Sec-Websocket-Version`, `13`)"
    " && HeaderRegexp(`Connection`, `(?i)(^|,)[ \\t]*upgrade[ \\t]*(,|$)`)"
)


class TraefikRouter(msgspec.Struct, frozen=True):
    """Which requests go through which middlewares to an application; the highest `priority` that matches counts."""

    name: str
    rule: str
    priority: int
    middlewares: tuple[str, ...]
    application: str


def traefik_config(plan: FrontPlan) -> str:
    """Return the text of dynamic.yaml."""
    blocks = {
        "routers": [line for router in routers(plan) for line in _lines(router)],
        "removed": [f'{name}: ""' for name in removed_by_traefik(plan)],
        "identity": [f"- {name}" for name in plan.identity],
        "credentials": [f'{name}: ""' for name in plan.credentials],
        "services": list(_services(plan)),
    }
    return fill("dynamic.yaml", blocks, {"gateway": plan.gateway, "path": plan.path})


def traefik_static_config() -> str:
    """Return the text of traefik.yaml, which is the same for all routes."""
    return fill("traefik.yaml", {}, {})


def removed_by_traefik(plan: FrontPlan) -> list[str]:
    """Return the names that are removed before the gateway is asked."""
    return sorted({*plan.removed, "x-request-id"} - _SET)


def routers(plan: FrontPlan) -> Iterator[TraefikRouter]:
    """Yield two routers for each destination; the first destination has the highest priority."""
    destinations = plan.destinations or (Destination(Match("/"), ONLY),)
    for place, destination in enumerate(destinations):
        priority = 2 * (len(destinations) - place)
        rule = _rule(destination.match)
        name = destination.application if len(destinations) == 1 else f"route-{place}"
        for suffix, more, first in (("-websocket", f" && {_HANDSHAKE}", "websocket"), ("", "", "plain")):
            middlewares = (first, "strip", "gateway", "clean")
            higher = priority + bool(more)
            yield TraefikRouter(f"{name}{suffix}", f"{rule}{more}", higher, middlewares, destination.application)


def _lines(router: TraefikRouter) -> Iterator[str]:
    yield f"{router.name}:"
    yield f"  rule: {router.rule}"
    yield f"  priority: {router.priority}"
    yield "  entryPoints: [web]"
    yield f"  middlewares: [{', '.join(router.middlewares)}]"
    yield f"  service: {router.application}"


def _rule(match: Match) -> str:
    path = unquote(match.path)
    bare = path.removesuffix("/")
    if path == "/":
        parts = ["PathPrefix(`/`)"]
    elif path.endswith("/"):
        parts = [f"(Path(`{bare}`) || PathPrefix(`{path}`))"]
    else:
        parts = [f"Path(`{path}`)"]
    if match.host.startswith("*."):
        name = match.host.removeprefix("*.").replace(".", "[.]")
        parts.append(f"HostRegexp(`^[^.]+[.]{name}$`)")
    elif match.host:
        parts.append(f"Host(`{match.host}`)")
    if match.methods:
        parts.append("(" + " || ".join(f"Method(`{method}`)" for method in sorted(match.methods)) + ")")
    return " && ".join(parts)


def _services(plan: FrontPlan) -> Iterator[str]:
    for application in plan.applications:
        yield from (f"{application.name}:", "  loadBalancer:", "    passHostHeader: true", "    servers:")
        yield from (f"      - url: {address}" for address in application.addresses)
