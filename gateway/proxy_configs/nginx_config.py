"""nginx's config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from gateway.model.errors import GatewayError
from gateway.model.route import Match
from gateway.proxy_configs.plan import Application, FrontPlan
from gateway.proxy_configs.template import fill

_SET_FOR_APPLICATIONS = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
_SET_FOR_THE_GATEWAY = frozenset({"x-forwarded-for", "x-original-method", "x-original-url"})
"""What the template sets at either place: a name that was cleared there as well would be sent."""

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>$status</title></head>'
    "<body><h1>$status</h1><p>$refusal_message</p><p><small>Request $request_id</small></p></body></html>"
)


def nginx_config(plan: FrontPlan) -> str:
    """Return the text of nginx.conf."""
    blocks = {
        "upstreams": list(_upstreams(plan)),
        "routes": list(_routes(plan)),
        "no_route": ['if ($application = "") { return 404; }'] if plan.destinations else [],
        "identity": list(_identity(plan)),
        "credentials": list(_cleared(plan.credentials)),
        "removed": list(_cleared(sorted(set(plan.removed) - _SET_FOR_APPLICATIONS))),
        "hidden": list(_cleared(sorted(set(plan.removed) - _SET_FOR_THE_GATEWAY))),
        "proxy_pass": [f"proxy_pass {_scheme(plan)}://{'$application' if plan.destinations else 'app'};"],
    }
    words = {
        "gateway": plan.gateway,
        "path": plan.path,
        "page": PAGE,
        "body_bytes": str(plan.body_bytes),
        "head_bytes": f"{plan.head_bytes // 1024}k",
        "answer_bytes": f"{plan.head_bytes // 1024 + 16}k",
        "head_timeout": f"{plan.head_timeout}s",
    }
    return fill("nginx.conf", blocks, words)


def _cleared(names: Sequence[str]) -> Iterator[str]:
    return (f'proxy_set_header {name} "";' for name in names)


def _identity(plan: FrontPlan) -> Iterator[str]:
    variables = [name.lower().replace("-", "_") for name in plan.identity]
    yield from (f"auth_request_set $told_{variable} $upstream_http_{variable};" for variable in variables)
    yield from (
        f"proxy_set_header {name} $told_{variable};" for name, variable in zip(plan.identity, variables, strict=True)
    )


def _upstreams(plan: FrontPlan) -> Iterator[str]:
    for place, application in enumerate(plan.applications):
        yield from ("",) if place else ()
        yield f"upstream {application.name} {{"
        yield from (f"    server {str(address).partition('://')[2]};" for address in application.addresses)
        yield from ("    keepalive 32;", "}")


def _scheme(plan: FrontPlan) -> str:
    if {_scheme_of(application) for application in plan.applications} != {"http"}:
        raise GatewayError("upstreams with TLS are not written for nginx: put the gateway in front of them instead")
    return "http"


def _scheme_of(application: Application) -> str:
    return application.addresses[0].scheme


def _routes(plan: FrontPlan) -> Iterator[str]:
    """Yield a map from method, host and path to the application; regular expressions count in their order.

    `$http_host`, as the gateway is told: `$host` is that of an absolute request line, so a client could be judged by
    one and sent on by the other.
    """
    if not plan.destinations:
        return
    yield from (
        "",
        "# The routes of the gateway, in their order.",
        'map "$request_method $http_host$uri" $application {',
    )
    yield '    default "";'
    for destination in plan.destinations:
        yield f'    "~^{_pattern(destination.match)}" {destination.application};'
    yield "}"


def _pattern(match: Match) -> str:
    methods = f"(?:{'|'.join(sorted(match.methods))})" if match.methods else "[^ ]+"
    name = match.host.removeprefix("*.")
    host = "[^/]*"
    if match.host:
        label = "[^./]+[.]" if name != match.host else ""
        host = f"(?i:{label}{re.escape(name)}[.]?(?::[0-9]+)?)"
    path = re.escape(unquote(match.path)).replace('"', '\\"')
    return f"{methods} {host}{path.removesuffix('/')}(?:/|$)" if path.endswith("/") else f"{methods} {host}{path}$"
