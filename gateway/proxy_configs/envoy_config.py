"""Envoy's config."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from gateway.model.errors import GatewayError
from gateway.model.route import UNIX, Match
from gateway.proxy_configs.plan import ONLY, Application, Destination, FrontPlan
from gateway.proxy_configs.template import fill

SET_BY_ENVOY = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
"""What Envoy, or the template, sets anew."""

DENIED = (
    "content-type",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "location",
    "vary",
    "cache-control",
    "www-authenticate",
    "retry-after",
    "set-cookie",
    "ratelimit",
    "ratelimit-policy",
)
"""Fields of a refusal that the client gets."""

_HANDSHAKE = (
    '{name: ":method", string_match: {exact: GET}}',
    "{name: sec-websocket-key, present_match: true}",
    '{name: sec-websocket-version, string_match: {exact: "13"}}',
)


_HTTP_2 = """\
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}"""
"""What whoever is spoken to in gRPC asks of its cluster."""

_SOCKET_FILE = f"{UNIX}:"
_HTTP_WORDS = {
    "protocol": "HTTP",
    "options": "",
    "content": "routes, credentials or identity headers",
    "side": "forward_auth: {envoy: {peers: [ADDRESS OF THIS ENVOY/32]}}",
}
_GRPC_WORDS = {
    "protocol": "gRPC",
    "options": " --ext-authz grpc",
    "content": "routes or credentials",
    "side": 'listen: {grpc: "0.0.0.0:8082"}, ext_authz: {peers: [ADDRESS OF THIS ENVOY/32]}',
}


def envoy_config(plan: FrontPlan) -> str:
    """Return the text of envoy.yaml."""
    blocks = {
        "service": _service(plan),
        "gateway_protocol": _HTTP_2.splitlines() if plan.asks_by_grpc else [],
        "routes": list(_routes(plan)),
        "removed": list(_removed(plan)),
        "credentials": [f"- {name}" for name in plan.credentials],
        "clusters": [line for application in plan.applications for line in _cluster(application, grpc=plan.grpc)],
    }
    gateway_type, gateway_address = _gateway(plan.gateway)
    words = {
        **(_GRPC_WORDS if plan.asks_by_grpc else _HTTP_WORDS),
        "gateway_type": gateway_type,
        "gateway_address": gateway_address,
        "headers": str(plan.headers),
        "head_kb": str(plan.head_bytes // 1024),
        "head_timeout": f"{plan.head_timeout}s",
    }
    return fill("envoy.yaml", blocks, words)


def _gateway(place: str) -> tuple[str, str]:
    """Return the kind of the gateway's cluster, and its address there: `HOST:PORT`, or a socket file."""
    if place.startswith(_SOCKET_FILE):
        return "STATIC", f"pipe: {{path: {place.removeprefix(_SOCKET_FILE)}}}"
    host, _, port = place.rpartition(":")
    return "STRICT_DNS", f"socket_address: {{address: {host.strip('[]')}, port_value: {port}}}"


def _service(plan: FrontPlan) -> list[str]:
    """Return how the gateway is asked, and what is believed of its answer."""
    if plan.asks_by_grpc:
        return fill("envoy_grpc_service.yaml", {}, {}).splitlines()
    identity = [f"- exact: {name.lower()}" for name in plan.identity]
    words = {"gateway": plan.gateway, "path": plan.path}
    denied = [f"- exact: {name}" for name in DENIED]
    return fill("envoy_http_service.yaml", {"identity": identity, "denied": denied}, words).splitlines()


def _removed(plan: FrontPlan) -> Iterator[str]:
    """Yield the lines of one regular expression, in a quoted scalar whose line ends are escaped."""
    families = tuple(prefix for prefix in plan.families if not any(name.startswith(prefix) for name in SET_BY_ENVOY))
    single = (name for name in plan.removed if name not in SET_BY_ENVOY and not name.startswith(families))
    names = [*(f"{prefix}.*" for prefix in families), *single]
    yield from (f"{name}|\\" for name in names[:-1])
    yield f"{names[-1]}\\"


def _routes(plan: FrontPlan) -> Iterator[str]:
    """Yield two routes for each destination: a WebSocket's handshake, which alone may upgrade, and all else."""
    for destination in plan.destinations or (Destination(Match("/"), ONLY),):
        path, fields = _matchers(destination.match)
        yield from _route(path, (*fields, *_HANDSHAKE), destination.application)
        yield "    upgrade_configs: [{upgrade_type: websocket}]"
        yield from _route(path, fields, destination.application)


def _route(path: str, fields: tuple[str, ...], application: str) -> Iterator[str]:
    yield "- match:"
    yield f"    {path}"
    if fields:
        yield "    headers:"
        yield from (f"      - {field}" for field in fields)
    yield "  route:"
    yield f"    cluster: {application}"
    yield "    timeout: 0s"
    yield "    idle_timeout: 60s"


def _matchers(match: Match) -> tuple[str, tuple[str, ...]]:
    fields = []
    if match.host:
        name = match.host.removeprefix("*.")
        pattern = ("[^.]+[.]" if name != match.host else "") + name.replace(".", "[.]")
        fields.append(f'{{name: ":authority", string_match: {{safe_regex: {{regex: "(?i){pattern}[.]?(:[0-9]+)?"}}}}}}')
    if match.methods:
        methods = "|".join(sorted(match.methods))
        fields.append(f'{{name: ":method", string_match: {{safe_regex: {{regex: "{methods}"}}}}}}')
    if match.path == "/":
        return 'prefix: "/"', tuple(fields)
    return f"safe_regex: {{regex: '{_path(match.path)}'}}", tuple(fields)


def _path(path: str) -> str:
    """Return a regular expression for a path as it is sent, in which any character may be percent-encoded."""
    bare = "".join(_sent(character) for character in unquote(path).removesuffix("/"))
    return f"{bare}(/.*)?" if path.endswith("/") else bare


def _sent(character: str) -> str:
    if character == "/":
        return character
    encoded = "".join(f"%{byte:02X}" for byte in character.encode())
    own = "" if character in "'%" or not character.isascii() else re.escape(character) + "|"
    return f"(?:{own}(?i:{encoded}))"


def _cluster(application: Application, *, grpc: bool) -> Iterator[str]:
    if application.addresses[0].scheme != "http":
        raise GatewayError("upstreams with TLS are not written for Envoy: put the gateway in front of them instead")
    yield f"- name: {application.name}"
    yield "  type: STRICT_DNS"
    yield "  connect_timeout: 2s"
    yield from (f"  {line}" for line in (_HTTP_2.splitlines() if grpc else ()))
    yield "  load_assignment:"
    yield f"    cluster_name: {application.name}"
    yield "    endpoints:"
    yield "      - lb_endpoints:"
    for address in application.addresses:
        place = f"{{address: {address.host}, port_value: {address.port}}}"
        yield f"          - {{endpoint: {{address: {{socket_address: {place}}}}}}}"
