"""The manifests of deploy/kubernetes: valid, whole, in agreement with the config that they carry, and closed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway import __version__
from tests.support.clients.raw_http import exchange
from tests.support.gateways.running import running
from tests.support.readers.kustomization import Manifest, containers, of_kind, rendered, written
from tests.support.repository import DEPLOY
from tests.support.servers.recording_upstream import recording_upstream

FOLDER = DEPLOY / "kubernetes"
SHAPES = ("gateway", "sidecar", "native-sidecar")
VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
SECRETS = "/run/secrets/gateway"
LOOPBACK = "127.0.0.1"

pytestmark = pytest.mark.parametrize("shape", SHAPES)


@pytest.fixture
def manifests(shape: str) -> list[Manifest]:
    return rendered(FOLDER / shape)


@pytest.fixture
def config(manifests: list[Manifest]) -> str:
    """The text of the gateway's config, out of the ConfigMap that the pod mounts."""
    (generated,) = of_kind(manifests, "ConfigMap")
    return str(generated["data"]["gateway.yaml"])


@pytest.fixture
def settings(config: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(config))


def pod_of(manifests: list[Manifest]) -> dict[str, Any]:
    (deployment,) = of_kind(manifests, "Deployment")
    return dict(deployment["spec"]["template"]["spec"])


def all_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod in the order in which they start."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def server_of(manifests: list[Manifest]) -> dict[str, Any]:
    pod = pod_of(manifests)
    (server,) = [one for one in all_of(pod) if one.get("args", [""])[0] == "serve"]
    return dict(server)


def services_of(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Return the containers that stand behind the gateway in its pod."""
    return [one for one in pod_of(manifests)["containers"] if one["name"] != "gateway"]


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([VALIDATE, "--strict", path], capture_output=True, text=True, check=False)


def test_every_manifest_is_valid_and_a_misspelt_one_is_not(manifests: list[Manifest], tmp_path: Path) -> None:
    told = validated(written(manifests, tmp_path / "all.yaml"))
    assert (told.returncode, told.stdout.count(" passed for resource ")) == (0, len(manifests)), told
    assert "WARN" not in told.stdout
    of_kind(manifests, "Deployment")[0]["spec"]["replica"] = 1
    assert validated(written(manifests, tmp_path / "misspelt.yaml")).returncode != 0


def test_whatever_is_named_is_there(manifests: list[Manifest], settings: dict[str, Any]) -> None:
    labels = of_kind(manifests, "Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    for kind, path in (("Service", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for manifest in of_kind(manifests, kind):
            selector = manifest["spec"][path]
            assert selector.get("matchLabels", selector).items() <= labels.items(), kind
    mounted = {mount["name"] for container in containers(manifests) for mount in container.get("volumeMounts", ())}
    assert mounted == {volume["name"] for volume in pod_of(manifests)["volumes"]}
    listened = {f"containerPort {port_of(settings['listen'][name])}" for name in ("public", "health")}
    assert {f"containerPort {port['containerPort']}" for port in server_of(manifests)["ports"]} == listened
    assert server_of(manifests)["image"] == f"session-gateway:{__version__}"


async def test_every_probe_asks_what_answers(
    manifests: list[Manifest], config: str, settings: dict[str, Any], tmp_path: Path, unused_tcp_port: int
) -> None:
    """The config runs as it stands; addresses are put in, and secrets where the pod would mount them."""
    asked = list(_probes(pod_of(manifests)))
    assert {name for name, _ in asked} >= {"startupProbe", "readinessProbe", "livenessProbe"}
    for file in _files(settings):
        (tmp_path / Path(file).name).write_text("0123456789-0123456789-0123456789\n")
    async with recording_upstream() as upstream:
        path = tmp_path / "gateway.yaml"
        path.write_text(
            config.replace(SECRETS, str(tmp_path))
            .replace(settings["listen"]["public"], f"{LOOPBACK}:0")
            .replace(settings["listen"]["admin"], f"{LOOPBACK}:0")
            .replace(settings["listen"]["health"], f"{LOOPBACK}:{unused_tcp_port}")
            .replace("http://127.0.0.1:8000", f"http://127.0.0.1:{upstream.port}")
            .replace("redis://valkey:6379", "redis://127.0.0.1:9")
        )
        async with running(path) as gateway:
            ports = {settings["listen"]["health"]: unused_tcp_port, settings["listen"]["public"]: gateway.port}
            by_number = {port_of(address): port for address, port in ports.items()}
            for name, probe in asked:
                request = f"GET {probe['path']} HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n".encode()
                assert (await exchange(by_number[_number(manifests, probe["port"])], request)).status == 200, name
    assert len(upstream.requests) == len(services_of(manifests))


def test_no_secret_stands_in_a_manifest(manifests: list[Manifest], settings: dict[str, Any]) -> None:
    assert of_kind(manifests, "Secret") == []
    told = [variable["name"] for container in containers(manifests) for variable in container.get("env", ())]
    assert set(told) <= {"LISTEN"}
    keys = {key for key, _ in _pairs(settings)}
    assert not keys & {"secret", "admin_token", "pepper", "client_secret"}
    assert [value for _, value in _pairs(settings) if re.search(r"://[^/]*@", str(value))] == []


def test_every_secret_that_the_config_reads_is_one_that_the_readme_makes(
    manifests: list[Manifest], settings: dict[str, Any]
) -> None:
    (volume,) = [volume for volume in pod_of(manifests)["volumes"] if "secret" in volume]
    made = re.findall(r"create secret generic (\S+)((?:[^\n]*\\\n)*[^\n]*)", (FOLDER / "README.md").read_text())
    keys = {name: set(re.findall(r"--from-literal=([\w-]+)=", rest)) for name, rest in made}
    assert keys[volume["secret"]["secretName"]] == {Path(path).name for path in _files(settings)}
    (mount,) = [mount for mount in server_of(manifests)["volumeMounts"] if mount["name"] == volume["name"]]
    assert {str(Path(path).parent) for path in _files(settings)} == {mount["mountPath"]}
    assert "subPath" not in mount  # such a file never changes (the Secret's does)


def test_pods_cannot_become_root_or_write(manifests: list[Manifest]) -> None:
    pod = pod_of(manifests)
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    for container in containers(manifests):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_no_way_leads_past_the_gateway(manifests: list[Manifest], settings: dict[str, Any]) -> None:
    """Nor to its admin port: services point at the public port, and the network lets nobody else in elsewhere."""
    assert settings["listen"]["admin"].startswith(f"{LOOPBACK}:")
    for service in of_kind(manifests, "Service"):
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    assert _number(manifests, "http") == port_of(settings["listen"]["public"])
    (policy,) = of_kind(manifests, "NetworkPolicy")
    assert [rule["ports"] for rule in policy["spec"]["ingress"] if "from" not in rule] == [[{"port": "http"}]]
    for container in services_of(manifests):
        assert "ports" not in container
        (listen,) = [variable["value"] for variable in container["env"] if variable["name"] == "LISTEN"]
        assert listen.startswith(f"{LOOPBACK}:")
        assert {route["upstream"] for route in settings["routes"]} == {f"http://{listen}"}


def test_everybody_has_time_to_leave_and_who_leaves_first_is_said(
    manifests: list[Manifest], settings: dict[str, Any], shape: str
) -> None:
    """A native sidecar is ended by the kubelet when the service has ended; any other gateway leaves first."""
    drain = float(settings["listen"]["drain"].removesuffix("s"))
    server, pod = server_of(manifests), pod_of(manifests)
    native = server.get("restartPolicy") == "Always"
    assert native == (shape == "native-sidecar") == (server in pod.get("initContainers", ()))
    if native:
        assert "startupProbe" in server  # the service starts when it has passed
        (service,) = services_of(manifests)
        left = _pause(service) + drain
    else:
        left = _pause(server) + drain
        for container in services_of(manifests):
            assert _pause(container) > left
            left = _pause(container)
    assert pod["terminationGracePeriodSeconds"] > left


def _pause(container: dict[str, Any]) -> float:
    return float(container["lifecycle"]["preStop"]["sleep"]["seconds"])


def _probes(pod: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for container in all_of(pod):
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            if name in container:
                yield name, container[name]["httpGet"]


def _number(manifests: list[Manifest], port: str | int) -> int:
    """Return the number of a port that is named, as Kubernetes looks it up."""
    named = {port["name"]: int(port["containerPort"]) for port in server_of(manifests)["ports"]}
    return named[port] if isinstance(port, str) else port


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of a config with its value."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, dict | list):
            yield from _pairs(each)
        else:
            yield str(key), each


def _files(settings: dict[str, Any]) -> list[str]:
    return [value for key, value in _pairs(settings) if key.endswith("_file")]
