"""The files of deploy/ agree with the program that they start; test_kubernetes.py has the manifests."""

from __future__ import annotations

import json
import re
import shlex
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
from ruamel.yaml import YAML

from gateway.cli import main
from gateway.config.load import check_file
from gateway.config.settings import LimitSettings, ListenSettings
from gateway.identity.header_names import DEFAULT_NAMES
from gateway.source.values import parse_duration
from tests.support.readers.kustomization import containers, rendered
from tests.support.repository import DEPLOY

CONFIGS = sorted(DEPLOY.glob("**/gateway.yaml"))
SECRETS = ("GATEWAY_SECRET", "GATEWAY_PEPPER", "GATEWAY_ADMIN_TOKEN", "GATEWAY_DB_PASSWORD")
ENVIRONMENT = {name: f"{name}-0123456789-0123456789-0123456789" for name in SECRETS}
MOUNTED = "/run/secrets/(?:gateway|cluster)"
PROGRAM = "/opt/gateway/bin/gateway"


def document(path: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(DEPLOY / path))


def health_port(config: str) -> str:
    return str(document(config)["listen"]["health"]).rpartition(":")[2]


def unit(key: str) -> list[str]:
    """Return the values of a key of the systemd unit."""
    return re.findall(rf"(?m)^{key}=(.*)$", (DEPLOY / "systemd/gateway.service").read_text())


def beside_its_files(config: Path, folder: Path) -> Path:
    """Put a config into a folder, beside the files that a pod would mount for it."""
    text = config.read_text()
    for name in re.findall(rf"(?m)^[^#\n]*_file: {MOUNTED}/([\w-]+)", text):
        (folder / name).write_text("0123456789-0123456789-0123456789\n")
    trustme.CA().cert_pem.write_to_path(folder / "ca.crt")
    placed = folder / "gateway.yaml"
    placed.write_text(re.sub(MOUNTED, str(folder), text))
    return placed


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_config_passes_the_check(config: Path, tmp_path: Path) -> None:
    checked = check_file(beside_its_files(config, tmp_path), ENVIRONMENT)
    assert [str(problem) for problem in checked.problems if not problem.warning] == []


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_config_holds_a_secret_or_opens_the_admin_port(config: Path) -> None:
    settings = document(str(config.relative_to(DEPLOY)))
    assert settings["listen"]["admin"].startswith("127.0.0.1:")
    for key in ("secret", "admin_token"):
        held = settings["listen"] if key == "admin_token" else settings
        assert held.get(key, "${").startswith("${")
        assert (key in held) != (f"{key}_file" in held)


def commands() -> dict[str, list[str]]:
    """Return every command line of ours that something in deploy/ would start, by where it stands."""
    found = {f"systemd {line}": shlex.split(line)[1:] for key in ("ExecStartPre", "ExecStart") for line in unit(key)}
    (image,) = re.findall(r"(?m)^CMD (.*)$", (DEPLOY / "docker/Dockerfile").read_text())
    found["Dockerfile"] = json.loads(image)
    found["compose"] = document("compose.yaml")["services"]["migrate"]["command"]
    for shape in ("gateway", "sidecar", "native-sidecar"):
        for container in containers(rendered(DEPLOY / "kubernetes" / shape)):
            if "args" in container:
                found[f"{shape} {container['name']}"] = container["args"]
    return found


@pytest.mark.parametrize("place", commands())
def test_every_command_that_is_started_is_one_that_we_take(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong usage exits with 2, by SystemExit; these come as far as the config that is not here."""
    assert main(commands()[place]) == 1
    assert "/etc/gateway/gateway.yaml: cannot be read" in "".join(capsys.readouterr())


def test_the_unit_starts_the_program_and_gives_it_what_it_needs() -> None:
    assert {shlex.split(line)[0] for key in ("ExecStartPre", "ExecStart") for line in unit(key)} == {PROGRAM}
    assert unit("Type") == ["notify"]
    assert unit("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert parse_duration(unit("TimeoutStopSec")[0]) > ListenSettings().drain
    assert int(unit("LimitNOFILE")[0]) > 2 * LimitSettings().connections  # a caller's and an upstream's


def test_the_images_health_check_asks_where_the_configs_listen() -> None:
    (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)/healthz", (DEPLOY / "docker/Dockerfile").read_text())
    assert {health_port(str(config.relative_to(DEPLOY))) for config in CONFIGS} == {asked}


COMPOSED = {"compose.yaml": "compose/gateway.yaml", "grpc/compose.yaml": "grpc/gateway.yaml"}


@pytest.mark.parametrize("file", COMPOSED)
def test_compose_hands_in_every_secret_that_its_config_names(file: str) -> None:
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / COMPOSED[file]).read_text()))
    handed = document(file)["services"]["gateway"]["environment"]
    assert named == set(handed) == set(SECRETS)


def test_the_envoy_of_grpc_is_whom_the_gateway_answers_and_reaches_what_there_is() -> None:
    compose, config = document("grpc/compose.yaml"), document("grpc/gateway.yaml")
    at = compose["services"]["envoy"]["networks"]["default"]["ipv4_address"]
    assert config["forward_auth"]["envoy"]["peers"] == [f"{at}/32"]
    assert ip_address(at) in ip_network(compose["networks"]["default"]["ipam"]["config"][0]["subnet"])
    (port,) = {route["upstream"].rpartition(":")[2] for route in config["routes"]}
    assert f"server.py {port}" in compose["services"]["app"]["command"][2]
    listened = re.findall(r"port_value: (\d+)}}\n +filter_chains", (DEPLOY / "grpc/envoy.yaml").read_text())
    assert compose["services"]["envoy"]["ports"] == [f"50051:{listened[0]}"]


@pytest.mark.parametrize("file", COMPOSED)
def test_compose_names_what_is_there_and_waits_longer_than_the_gateway_drains(file: str) -> None:
    compose, folder = document(file), (DEPLOY / file).parent
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", ())) <= set(compose["services"]) - {name}
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (folder / source).is_file() if source.startswith(".") else source in compose["volumes"]
    assert parse_duration(compose["services"]["gateway"]["stop_grace_period"]) > ListenSettings().drain


def test_the_example_reaches_what_is_there() -> None:
    compose, config = document("compose.yaml"), document("compose/gateway.yaml")
    assert compose["services"]["gateway"]["ports"] == [f"8080:{config['listen']['public'].rpartition(':')[2]}"]
    reached = [route["upstream"] for route in config["routes"]] + [config["redis"]["url"]]
    assert {re.findall(r"//(\w+)", url)[0] for url in reached} <= set(compose["services"])


ASKING = ("nginx/nginx.conf", "traefik/dynamic.yaml", "caddy/Caddyfile", "envoy/envoy.yaml")


IN_A_CLUSTER = {
    "envoy-gateway.yaml": ("envoy-gateway",),
    "istio.yaml": ("istio",),
    "istiod.yaml": ("istio", "--static"),
    "gateway-api.yaml": ("gateway-api",),
    "traefik.yaml": ("traefik-kubernetes",),
}


@pytest.mark.parametrize("file", IN_A_CLUSTER)
def test_a_clusters_policies_are_what_the_command_prints(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DEPLOY / "kubernetes/ext-auth"
    placed = beside_its_files(folder / "gateway.yaml", tmp_path)
    assert main(["front", *IN_A_CLUSTER[file], "-c", str(placed)]) == 0
    assert capsys.readouterr().out == (folder / file).read_text()


@pytest.mark.parametrize("config", ASKING)
def test_a_proxy_that_asks_us_copies_every_identity_header_that_we_tell(config: str) -> None:
    text = (DEPLOY / config).read_text().lower()
    for name in (*DEFAULT_NAMES.values(), "X-Identity-Token"):
        assert re.search(rf"(?<![\w-]){name.lower()}(?![\w-])", text), name


PRINTED = {
    "grpc/envoy.yaml": ("envoy", "--grpc"),
    "nginx/nginx.conf": ("nginx",),
    "traefik/dynamic.yaml": ("traefik",),
    "traefik/traefik.yaml": ("traefik", "--static"),
    "caddy/Caddyfile": ("caddy",),
    "envoy/envoy.yaml": ("envoy",),
    "envoy/grpc.yaml": ("envoy", "--ext-authz", "grpc"),
}


@pytest.mark.parametrize("file", PRINTED)
def test_a_proxys_config_is_what_the_command_prints_for_the_gateways(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which it removes what the table names: print it anew when the table grows."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    proxy, *more = PRINTED[file]
    folder = "grpc" if "--grpc" in more else "forward_auth"
    assert main(["front", proxy, *more, "-c", str(DEPLOY / folder / "gateway.yaml")]) == 0
    assert capsys.readouterr().out == (DEPLOY / file).read_text()


@pytest.mark.parametrize("config", ASKING)
def test_a_proxy_that_asks_us_asks_at_its_own_endpoint(config: str) -> None:
    proxy = config.partition("/")[0]
    assert re.findall(r"/_gateway/auth/(\w+)", (DEPLOY / config).read_text()) == [proxy]
