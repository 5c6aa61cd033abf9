"""The command line of `gateway front`: its arguments, and which of them go together."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.model.errors import GatewayError

if TYPE_CHECKING:
    from gateway.commands.command_output import CommandResult

_FRONTS = ("nginx", "traefik", "caddy", "envoy", "envoy-gateway", "istio", "gateway-api", "traefik-kubernetes")


def add_front(parser: argparse.ArgumentParser, print_result: Callable[[CommandResult], int]) -> None:
    """Add the arguments; `print_result` prints what the command returns, and returns the exit code."""
    parser.add_argument("proxy", choices=_FRONTS, metavar="|".join(_FRONTS))
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the config (YAML)")
    parser.add_argument("--gateway", metavar="HOST:PORT", help="where the proxy reaches the gateway")
    parser.add_argument("--static", action="store_true", help="Traefik's static part, or the values of istiod")
    parser.add_argument("--grpc", action="store_true", help="the applications speak gRPC, which Envoy alone is told")
    parser.add_argument("--ext-authz", choices=("http", "grpc"), default="http", help="how Envoy asks (http)")
    parser.set_defaults(command=lambda options: print_result(_front(options)))


def _front(options: argparse.Namespace) -> CommandResult:
    """Return the config; raises GatewayError for options that do not go together."""
    from gateway.commands.front_config import front  # noqa: PLC0415 - as in `cli`

    if options.static and options.proxy not in {"traefik", "istio"}:
        raise GatewayError("only Traefik and Istio have two files (--static)")
    if options.grpc and options.proxy != "envoy":
        raise GatewayError("gRPC is written for Envoy alone (--grpc)")
    by_grpc = options.ext_authz == "grpc"
    if by_grpc and options.proxy != "envoy":
        raise GatewayError("only Envoy asks over gRPC (--ext-authz grpc)")
    written_for = {"static": options.static, "grpc": options.grpc, "asks_by_grpc": by_grpc}
    return front(options.config, options.proxy, options.gateway, **written_for)
