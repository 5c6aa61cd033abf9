"""What proxies of a cluster are told by its API: Envoy Gateway, Istio, Traefik, and whoever knows `ExternalAuth`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from string import ascii_lowercase, digits

import msgspec

from gateway.model.errors import GatewayError
from gateway.proxy_configs.envoy_config import DENIED, SET_BY_ENVOY
from gateway.proxy_configs.plan import FrontPlan
from gateway.proxy_configs.template import fill
from gateway.proxy_configs.traefik_config import removed_by_traefik, routers

_LOOKED_AT = (
    *("accept", "content-type", "cookie", "destination", "origin", "referer", "user-agent"),
    *("access-control-request-headers", "access-control-request-method"),
    *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"),
    *("sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"),
    *("traceparent", "tracestate", "x-forwarded-proto", "x-real-ip", "x-request-id"),
)
"""What the gateway looks at in a decision request besides credentials."""

_SET = SET_BY_ENVOY - {"x-forwarded-host"}
"""What Envoy Gateway's Envoy, or the template, sets anew."""

_LONGEST_MATCH = 1024
"""Characters of one `removeOnMatch` (Envoy Gateway's schema)."""

_ANY_SIGN = "[^a-z0-9]"

_FIRST = (*ascii_lowercase, *digits, *"!#$%&'+-.^_`|~")
"""What a field's name may begin with (RFC 9110 section 5.6.2), less `*`, behind which Istio looks for an end."""


class _ClusterService(msgspec.Struct, frozen=True):
    """A Service by its name, its namespace and its port."""

    name: str
    namespace: str
    port: int


def envoy_gateway_policies(plan: FrontPlan) -> str:
    """Return the policies of a Gateway of Envoy Gateway's."""
    blocks = {
        "removed": [f'- {{type: RegularExpression, value: "{each}"}}' for each in _removed(plan)],
        "checked": [f"- {name}" for name in sorted({*_LOOKED_AT, *plan.read} - {"authorization"})],
        "identity": [f"- {name.lower()}" for name in plan.identity],
    }
    return fill("envoy_gateway.yaml", blocks, _words(plan))


def istio_policy(plan: FrontPlan) -> str:
    """Return the policy of Istio's ingress and the route behind it; raises GatewayError for several applications."""
    return fill("istio.yaml", {}, {**_words(plan), **_only_application(plan)})


def istio_provider(plan: FrontPlan) -> str:
    """Return the provider that the policy names, as Helm values of istiod."""
    blocks = {
        "first": [f'- "{sign}*"' for sign in _FIRST],
        "identity": [f"- {name.lower()}" for name in plan.identity],
        "denied": [f"- {name}" for name in DENIED],
    }
    return fill("istiod.yaml", blocks, _words(plan))


def gateway_api_route(plan: FrontPlan) -> str:
    """Return the route of the application, whose every rule asks; raises GatewayError where there are several."""
    return fill("gateway_api.yaml", {}, {**_words(plan), **_only_application(plan)})


def traefik_resources(plan: FrontPlan) -> str:
    """Return Traefik's own resources, which say what its file does; raises GatewayError for several namespaces."""
    services = _services(plan)
    namespaces = sorted({service.namespace for each in services.values() for service in each})
    if len(namespaces) != 1:
        raise GatewayError(f"the upstreams are in {' and '.join(namespaces)}, and Traefik reaches into one namespace")
    blocks = {
        "routes": list(_traefik_routes(plan, services)),
        "removed": [f'{name}: ""' for name in removed_by_traefik(plan)],
        "identity": [f"- {name}" for name in plan.identity],
        "credentials": [f'{name}: ""' for name in plan.credentials],
    }
    return fill("traefik_kubernetes.yaml", blocks, {**_words(plan), "application_namespace": namespaces[0]})


def _traefik_routes(plan: FrontPlan, services: Mapping[str, Sequence[_ClusterService]]) -> Iterator[str]:
    for router in routers(plan):
        yield f"- match: {router.rule}"
        yield "  kind: Rule"
        yield f"  priority: {router.priority}"
        yield f"  middlewares: [{', '.join(f'{{name: {name}}}' for name in router.middlewares)}]"
        yield "  services:"
        for service in services[router.application]:
            yield f"    - {{name: {service.name}, port: {service.port}, passHostHeader: true}}"


def _removed(plan: FrontPlan) -> Iterator[str]:
    """Yield regular expressions for whatever no client may tell, in any spelling, each within the schema's bound.

    Our own names stand among them in other spellings alone: as they are, the gateway's answer overwrites them, and
    credentials may have them.
    """
    families = (*plan.families, *plan.more_families)
    single = (name for name in plan.removed if name not in _SET and not name.startswith(families))
    patterns = [name.replace("-", _ANY_SIGN) for name in single]
    patterns += [pattern for family in families for pattern in _all_but(family, {*_SET, *plan.passing})]
    names = (*(name.lower() for name in plan.identity), *sorted(_SET))
    patterns += [pattern for name in names for pattern in _other_spellings(name)]
    expression = ""
    for pattern in patterns:
        longer = f"{expression}|{pattern}" if expression else pattern
        if len(longer) > _LONGEST_MATCH:
            yield expression
            longer = pattern
        expression = longer
    yield expression


def _other_spellings(name: str) -> Iterator[str]:
    """Yield one pattern for each dash of a name, where another sign stands."""
    words = name.split("-")
    for place in range(1, len(words)):
        before, after = (_ANY_SIGN.join(part) for part in (words[:place], words[place:]))
        yield f"{before}[^a-z0-9-]{after}"


def _all_but(family: str, passing: AbstractSet[str]) -> Iterator[str]:
    """Yield patterns for all names that begin with `family` but those in `passing`; RE2 has no look-ahead."""
    prefix = family.replace("-", _ANY_SIGN)
    ends = {name.removeprefix(family) for name in passing if name.startswith(family)}
    if not ends:
        yield f"{prefix}.*"
    for begin in sorted({end[:length] for end in ends for length in range(len(end) + 1)}):
        following = "".join(sorted({end[len(begin)] for end in ends if end.startswith(begin) and end != begin}))
        if begin and begin not in ends:
            yield prefix + begin
        yield f"{prefix}{begin}[^{following}].*" if following else f"{prefix}{begin}.+"


def _only_application(plan: FrontPlan) -> dict[str, str]:
    """Return the words for the one application; raises GatewayError where there are several.

    A Gateway takes the most specific path, and a config of ours the first: what was judged as one application's could
    go to another.
    """
    services = [service for each in _services(plan).values() for service in each]
    if len(services) != 1:
        raise GatewayError("a route is written for one upstream: a Gateway takes the most specific path, not the first")
    (service,) = services
    names = {"application": service.name, "application_namespace": service.namespace}
    return {**names, "application_port": str(service.port)}


def _words(plan: FrontPlan) -> dict[str, str]:
    service = _cluster_service(plan.gateway)
    return {"service": service.name, "namespace": service.namespace, "port": str(service.port), "path": plan.path}


def _services(plan: FrontPlan) -> dict[str, tuple[_ClusterService, ...]]:
    """Return the Services of each application by its name."""
    return {
        application.name: tuple(_cluster_service(f"{one.host}:{one.port}") for one in application.addresses)
        for application in plan.applications
    }


def _cluster_service(address: str) -> _ClusterService:
    """Return the Service that `NAME.NAMESPACE[.svc...]:PORT` names; raises GatewayError for what names none."""
    host, _, port = address.rpartition(":")
    name, _, rest = host.partition(".")
    namespace = rest.removesuffix(".cluster.local").removesuffix(".svc") or "default"
    if not name or not port.isdecimal() or "." in namespace:
        raise GatewayError(f"{address} is no Service of a cluster: NAME.NAMESPACE:PORT")
    return _ClusterService(name, namespace, int(port))
