"""What Envoy Gateway and Istio make of the recipes: configs for Envoys that run alone, with the addresses of deploy/.

`python -m tests.charts.translated FOLDER` writes them; `egctl`, Envoy Gateway's own translator, has to be on the path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gateway.commands.front_config import front
from tests.support.repository import DEPLOY

CONFIG = DEPLOY / "forward_auth/gateway.yaml"
"""Has every kind of credential, so that the suites of tests/e2e have what they show."""

ENVIRONMENT = dict.fromkeys(("GATEWAY_SECRET", "GATEWAY_PEPPER", "GATEWAY_ADMIN_TOKEN"), "0123456789" * 4)
SURROUNDINGS = Path(__file__).with_name("surroundings.yaml")
LISTENS = "{socket_address: {address: 0.0.0.0, port_value: 80}}"
_TYPES = "type.googleapis.com/envoy.extensions.filters"
CLUSTERS = (
    ("gateway", "address: gateway, port_value: 8080"),
    ("app", "address: app, port_value: 8000"),
)


def envoy_gateway() -> str:
    """Return what Envoy Gateway tells its Envoys of the printed policies."""
    printed = front(CONFIG, "envoy-gateway", None).output
    translated = subprocess.run(
        ("egctl", "x", "translate", "--from", "gateway-api", "--to", "xds", "--output", "json", "--file", "-"),
        input=f"{printed}\n---\n{SURROUNDINGS.read_text(encoding='utf-8')}",
        capture_output=True,
        text=True,
        check=True,
    )
    (dumps,) = (each["configs"] for each in json.loads(translated.stdout)["xds"].values())
    by_kind = {each["@type"].rpartition(".")[2]: each for each in dumps}
    (listener,) = [
        each["activeState"]["listener"]
        for each in by_kind["ListenersConfigDump"]["dynamicListeners"]
        if each["activeState"]["listener"]["name"] == "edge/public/http"
    ]
    (routes,) = [each["routeConfig"] for each in by_kind["RoutesConfigDump"]["dynamicRouteConfigs"]]
    (network,) = listener["defaultFilterChain"]["filters"]
    manager = network["typedConfig"]
    del manager["rds"]
    manager["routeConfig"] = {name: value for name, value in routes.items() if name != "@type"}
    del listener["@type"]
    runtime = by_kind["BootstrapConfigDump"]["bootstrap"]["layeredRuntime"]
    names = {"gateway": "securitypolicy/edge/session-gateway/extauth/0", "app": "httproute/shop/orders/rule/0"}
    return _bootstrap(listener, runtime, names)


def istio() -> str:
    """Return what Istio tells its ingress of the printed provider (istio.io/api, mesh/v1alpha1/config.proto).

    By hand: nothing of Istio's own translates without a cluster.
    """
    (service,) = [
        each
        for each in YAML(typ="safe", pure=True).load_all(front(CONFIG, "istio", None).output)
        if each["kind"] == "VirtualService"
    ]
    (rule,) = service["spec"]["http"]
    changes = rule["headers"]["request"]
    put = [
        {"header": {"key": name, "value": value}, "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in changes["set"].items()
    ]
    route = {"match": {"prefix": "/"}, "route": {"cluster": "app", "timeout": "0s"}}
    route |= {"requestHeadersToAdd": put, "requestHeadersToRemove": changes["remove"]}
    values = YAML(typ="safe", pure=True).load(front(CONFIG, "istio", None, static=True).output)
    (extension,) = values["meshConfig"]["extensionProviders"]
    provider = extension["envoyExtAuthzHttp"]
    added = provider["includeAdditionalHeadersInCheck"].items()
    filter_config = {
        "@type": f"{_TYPES}.http.ext_authz.v3.ExtAuthz",
        "transportApiVersion": "V3",
        "failureModeAllow": provider["failOpen"],
        "statusOnError": {"code": int(provider["statusOnError"])},
        "allowedHeaders": _matching(provider["includeRequestHeadersInCheck"]),
        "httpService": {
            "serverUri": {"uri": f"http://{provider['service']}", "cluster": "gateway", "timeout": provider["timeout"]},
            "pathPrefix": provider["pathPrefix"],
            "authorizationRequest": {"headersToAdd": [{"key": name, "value": value} for name, value in added]},
            "authorizationResponse": {
                "allowedUpstreamHeaders": _matching(provider["headersToUpstreamOnAllow"]),
                "allowedClientHeaders": _matching(provider["headersToDownstreamOnDeny"]),
            },
        },
    }
    router = {"@type": f"{_TYPES}.http.router.v3.Router"}
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": "outbound_0.0.0.0_80",
        "useRemoteAddress": True,
        "normalizePath": True,
        "pathWithEscapedSlashesAction": "KEEP_UNCHANGED",
        "upgradeConfigs": [{"upgradeType": "websocket"}],
        "httpFilters": [
            {"name": "envoy.filters.http.ext_authz", "typedConfig": filter_config},
            {"name": "envoy.filters.http.router", "typedConfig": router},
        ],
        "routeConfig": {"virtualHosts": [{"name": "app", "domains": ["*"], "routes": [route]}]},
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typedConfig": manager}
    listener = {"name": "0.0.0.0_80", "filterChains": [{"filters": [network]}]}
    return _bootstrap(listener, {}, {"gateway": "gateway", "app": "app"})


def _matching(names: list[str]) -> dict[str, Any]:
    """Return names as they are, or beginning with what stands before a `*`."""
    return {
        "patterns": [
            {"prefix": name.removesuffix("*")} if name.endswith("*") else {"exact": name, "ignoreCase": True}
            for name in names
        ]
    }


def _bootstrap(listener: dict[str, Any], runtime: dict[str, Any], clusters: dict[str, str]) -> str:
    """Return a config in which addresses are written as in deploy/envoy, so that the suites put their own in."""
    listener = {**listener, "address": "LISTENS"}
    lines = [f"layered_runtime: {json.dumps(runtime)}", "static_resources:", "  listeners:"]
    lines += [f"    - {json.dumps(listener).replace(json.dumps('LISTENS'), LISTENS)}", "  clusters:"]
    for name, address in CLUSTERS:
        endpoint = f"{{endpoint: {{address: {{socket_address: {{{address}}}}}}}}}"
        assignment = f"{{cluster_name: {clusters[name]}, endpoints: [{{lb_endpoints: [{endpoint}]}}]}}"
        lines.append(f"    - {{name: {clusters[name]}, type: STRICT_DNS, load_assignment: {assignment}}}")
    return "\n".join((*lines, ""))


def main(folder: Path) -> None:
    """Write both."""
    os.environ.update(ENVIRONMENT)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("envoy-gateway", envoy_gateway()), ("istio", istio())):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
