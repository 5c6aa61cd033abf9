"""The files of deploy/ agree with the program that they start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.identity.names import DEFAULT_NAMES
from gateway.runtime.check import check_file

DEPLOY = Path(__file__).parents[2] / "deploy"
CONFIGS = sorted(DEPLOY.glob("**/gateway.yaml"))
SECRETS = ("GATEWAY_SECRET", "GATEWAY_PEPPER", "GATEWAY_ADMIN_TOKEN", "GATEWAY_DB_PASSWORD")
ENVIRONMENT = {name: f"{name}-0123456789-0123456789-0123456789" for name in SECRETS}


def document(path: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(DEPLOY / path))


def containers(shape: str) -> list[dict[str, Any]]:
    """Return the containers of a shape that run the gateway."""
    pod = document(f"kubernetes/{shape}/deployment.yaml")["spec"]["template"]["spec"]
    return [one for one in (*pod["initContainers"], *pod["containers"]) if one["image"] == "session-gateway"]


def health_port(config: str) -> str:
    return str(document(config)["listen"]["health"]).rpartition(":")[2]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_config_passes_the_check(config: Path) -> None:
    checked = check_file(config, ENVIRONMENT)
    assert [str(problem) for problem in checked.problems if not problem.warning] == []


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_config_holds_a_secret_or_opens_the_admin_port(config: Path) -> None:
    listen = document(str(config.relative_to(DEPLOY)))["listen"]
    assert listen["admin"].startswith("127.0.0.1:")
    assert listen["admin_token"] == "${GATEWAY_ADMIN_TOKEN}"


def test_the_images_health_check_asks_where_the_configs_listen() -> None:
    (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)/healthz", (DEPLOY / "docker/Dockerfile").read_text())
    assert {health_port(str(config.relative_to(DEPLOY))) for config in CONFIGS} == {asked}


@pytest.mark.parametrize("shape", ["gateway", "sidecar"])
def test_probes_ask_the_health_port(shape: str) -> None:
    (server,) = [one for one in containers(shape) if one["args"][0] == "serve"]
    ports = {port["name"]: str(port["containerPort"]) for port in server["ports"]}
    assert ports["health"] == health_port(f"kubernetes/{shape}/gateway.yaml")
    for probe, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        assert server[probe]["httpGet"] == {"path": path, "port": "health"}


@pytest.mark.parametrize("shape", ["gateway", "sidecar"])
def test_pods_cannot_become_root_or_write(shape: str) -> None:
    pod = document(f"kubernetes/{shape}/deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_sidecars_service_reaches_the_gateway_and_not_past_it() -> None:
    (server,) = containers("sidecar")
    service = document("kubernetes/sidecar/service.yaml")["spec"]
    assert [port["targetPort"] for port in service["ports"]] == ["http"]
    assert {"name": "http", "containerPort": 8080} in server["ports"]
    upstreams = [route["upstream"] for route in document("kubernetes/sidecar/gateway.yaml")["routes"]]
    assert upstreams == ["http://127.0.0.1:8000"]


def test_compose_hands_in_every_secret_that_its_config_names() -> None:
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose/gateway.yaml").read_text()))
    handed = document("compose.yaml")["services"]["gateway"]["environment"]
    assert named == set(handed) == set(SECRETS)


ASKING = ("nginx/nginx.conf", "traefik/dynamic.yaml", "caddy/Caddyfile", "envoy/envoy.yaml")


@pytest.mark.parametrize("config", ASKING)
def test_a_proxy_that_asks_us_copies_every_identity_header_that_we_tell(config: str) -> None:
    text = (DEPLOY / config).read_text().lower()
    for name in (*DEFAULT_NAMES.values(), "X-Identity-Token"):
        assert re.search(rf"(?<![\w-]){name.lower()}(?![\w-])", text), name


@pytest.mark.parametrize("config", ASKING)
def test_a_proxy_that_asks_us_asks_at_its_own_door(config: str) -> None:
    proxy = config.partition("/")[0]
    assert re.findall(r"/_gateway/auth/(\w+)", (DEPLOY / config).read_text()) == [proxy]
