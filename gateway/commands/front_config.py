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
from gateway.proxy_configs.nginx_config import nginx_config
from gateway.proxy_configs.plan import FrontPlan, left_undone, plan_for
from gateway.proxy_configs.traefik_config import traefik_config, traefik_static_config
from gateway.source.addresses import ANY_IPV4, ANY_IPV6, ListenAddress

_CONFIGS: Mapping[str, Callable[[FrontPlan], str]] = MappingProxyType(
    {"nginx": nginx_config, "traefik": traefik_config, "caddy": caddy_config, "envoy": envoy_config}
)


def front(config: Path, proxy: str, gateway: str | None, *, static: bool = False, grpc: bool = False) -> CommandResult:
    """Print the config of `proxy`; `gateway` is where it reaches us (`HOST:PORT`).

    `static` is Traefik's other file, `grpc` says that Envoy's applications speak that. Raises SettingsError, and
    GatewayError for routes that the proxy cannot serve.
    """
    settings = load_settings(config, os.environ)
    if static:
        return CommandResult(traefik_static_config().rstrip("\n"))
    plan = msgspec.structs.replace(plan_for(proxy, settings, gateway or _reached_at(settings)), grpc=grpc)
    return CommandResult(_CONFIGS[proxy](plan).rstrip("\n"), "; ".join(left_undone(proxy, settings)))


def _reached_at(settings: Settings) -> str:
    """Return the first address that the public port listens at, by the name `gateway` where that is all of them.

    Raises GatewayError where there is none.
    """
    public = next((place for place in settings.listen.public if isinstance(place, ListenAddress)), None)
    if public is None:
        raise GatewayError("listen.public is a socket file, which not every proxy reaches: say --gateway HOST:PORT")
    return f"gateway:{public.port}" if public.host in {ANY_IPV4, ANY_IPV6} else str(public)
