"""`gateway front`: prints the config of a proxy that asks the gateway, for the routes of a config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from gateway.commands.command_output import CommandResult
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.model.errors import GatewayError
from gateway.proxy_configs.caddy_config import caddy_config
from gateway.proxy_configs.envoy_config import envoy_config
from gateway.proxy_configs.kubernetes_policies import (
    envoy_gateway_policies,
    gateway_api_route,
    istio_policy,
    istio_provider,
    traefik_resources,
)
from gateway.proxy_configs.nginx_config import nginx_config
from gateway.proxy_configs.plan import FrontPlan, left_undone, plan_for
from gateway.proxy_configs.traefik_config import traefik_config, traefik_static_config
from gateway.source.addresses import ANY_IPV4, ANY_IPV6, ListenAddress, SocketFile

_CONFIGS: Mapping[str, Callable[[FrontPlan], str]] = MappingProxyType(
    {
        "nginx": nginx_config,
        "traefik": traefik_config,
        "caddy": caddy_config,
        "envoy": envoy_config,
        "envoy-gateway": envoy_gateway_policies,
        "istio": istio_policy,
        "gateway-api": gateway_api_route,
        "traefik-kubernetes": traefik_resources,
    }
)

_IN_A_CLUSTER: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "envoy-gateway": ("envoy", "gateway.edge:80"),
        "istio": ("envoy", "gateway.edge:80"),
        "gateway-api": ("envoy", "gateway.edge:8082"),
        "traefik-kubernetes": ("traefik", "gateway.edge:80"),
    }
)
"""The endpoint of each of those that a cluster's API tells, and the Service that it asks unless one says another."""


def front(
    config: Path,
    proxy: str,
    gateway: str | None,
    *,
    static: bool = False,
    grpc: bool = False,
    asks_by_grpc: bool = False,
) -> CommandResult:
    """Print the config of `proxy`; `gateway` is where it reaches us (`HOST:PORT`, in a cluster `NAME.NAMESPACE:PORT`).

    `static` is the other file of Traefik or Istio. `grpc` says that Envoy's applications speak that, `asks_by_grpc`
    that it asks us so. Raises SettingsError, and GatewayError for routes that the proxy cannot serve.
    """
    settings = load_settings(config, os.environ)
    if static and proxy == "traefik":
        return CommandResult(traefik_static_config().rstrip("\n"))
    endpoint, service = _IN_A_CLUSTER.get(proxy, (proxy, ""))
    plan = plan_for(endpoint, settings, gateway or service or _reached_at(settings, asks_by_grpc=asks_by_grpc))
    plan = msgspec.structs.replace(plan, grpc=grpc, asks_by_grpc=asks_by_grpc)
    if static:
        return CommandResult(istio_provider(plan).rstrip("\n"))
    return CommandResult(_CONFIGS[proxy](plan).rstrip("\n"), "; ".join(left_undone(endpoint, settings)))


def _reached_at(settings: Settings, *, asks_by_grpc: bool) -> str:
    """Return the first place at which a proxy can ask, by the name `gateway` where that is all of the machine's.

    It is a socket file only where Envoy asks over gRPC, beside us then. Raises GatewayError where there is none.
    """
    places, grpc = settings.listen.public, settings.listen.grpc
    if asks_by_grpc:
        if grpc is None:
            raise GatewayError("the config has no listen.grpc, where Envoy would ask")
        if isinstance(grpc, SocketFile):
            return str(grpc)
        places = (grpc,)
    place = next((place for place in places if isinstance(place, ListenAddress)), None)
    if place is None:
        raise GatewayError("listen.public is a socket file, which not every proxy reaches: say --gateway HOST:PORT")
    return f"gateway:{place.port}" if place.host in {ANY_IPV4, ANY_IPV6} else str(place)
