"""The Helm chart of deploy/helm, rendered by helm itself: valid, closed, and of the config that it was given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway import __version__
from gateway.config.load import check_file
from tests.support.readers.kustomization import Manifest, containers, of_kind, written
from tests.support.repository import DEPLOY

CHART = DEPLOY / "helm/session-gateway"
SETS = {path.name.removesuffix("-values.yaml"): path for path in (CHART / "ci").glob("*-values.yaml")}
VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
CUSTOM = {"PodMonitor", "PrometheusRule", "HTTPRoute"}
"""Kinds that are not Kubernetes' own: their operators have their schemas."""

LABEL = "app.kubernetes.io/name"

every_set = pytest.mark.parametrize("values", [None, *SETS], ids=str)


def helm(command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run helm as for the oldest Kubernetes that the chart is for; a helm that was built from its module knows none."""
    arguments = (command, *arguments, "--kube-version", "1.30.0")
    return subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, check=False)


def rendered(values: str | None, *more: str, chart: Path = CHART) -> list[Manifest]:
    chosen = () if values is None else ("--values", SETS[values])
    told = helm("template", "shop", chart, *chosen, *more)
    assert told.returncode == 0, told.stderr
    return [manifest for manifest in YAML(typ="safe", pure=True).load_all(told.stdout) if manifest]


def pods(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Return the pods of every Deployment and Job, and those that stand alone."""
    templates = [one["spec"]["template"]["spec"] for one in manifests if one["kind"] in {"Deployment", "Job"}]
    return [*templates, *(one["spec"] for one in of_kind(manifests, "Pod"))]


def servers(manifests: list[Manifest]) -> list[dict[str, Any]]:
    return [one for one in containers(manifests) if one.get("args", [""])[0] == "serve"]


def configs(manifests: list[Manifest]) -> dict[str, str]:
    """Return the gateway's configs by the names of their ConfigMaps."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(manifests, "ConfigMap")}
    return {name: data["gateway.yaml"] for name, data in maps.items() if "gateway.yaml" in data}


@every_set
def test_helm_finds_nothing_to_blame(values: str | None) -> None:
    told = helm("lint", "--strict", CHART, *(() if values is None else ("--values", SETS[values])))
    assert (told.returncode, "[WARNING]" in told.stdout, "[ERROR]" in told.stdout) == (0, False, False), told.stdout


@every_set
def test_every_manifest_is_valid(values: str | None, tmp_path: Path) -> None:
    own = [one for one in rendered(values) if one["kind"] not in CUSTOM]
    told = subprocess.run(
        [VALIDATE, "--strict", written(own, tmp_path / "all.yaml")], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout.count(" passed for resource ")) == (0, len(own)), told
    names = [(one["kind"], one["metadata"]["name"]) for one in own]
    assert len(names) == len(set(names))


@every_set
def test_every_config_passes_the_check(values: str | None, tmp_path: Path) -> None:
    for name in ("secret", "admin-token", "pepper"):
        (tmp_path / name).write_text("0123456789-0123456789-0123456789\n")
    (tmp_path / "database-url").write_text("postgresql://gateway@db/gateway\n")
    for text in configs(rendered(values)).values():
        path = tmp_path / "gateway.yaml"
        path.write_text(text.replace("/run/secrets/gateway", str(tmp_path)))
        assert [str(each) for each in check_file(path, {}).problems if not each.warning] == []


@every_set
def test_no_pod_can_become_root_write_or_speak_to_the_cluster(values: str | None) -> None:
    for pod in pods(rendered(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


@every_set
def test_what_selects_a_pod_selects_the_gateways_alone(values: str | None) -> None:
    manifests = rendered(values)
    (deployment,) = of_kind(manifests, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (service,) = of_kind(manifests, "Service")
    selector = service["spec"]["selector"]
    assert selector.items() <= labels.items()
    others = [one["metadata"]["labels"] for one in of_kind(manifests, "Pod")]
    others += [one["spec"]["template"]["metadata"]["labels"] for one in of_kind(manifests, "Job")]
    assert others
    assert not [each for each in others if selector.items() <= each.items()]
    for kind, place in (("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")):
        assert all(one["spec"][place]["matchLabels"] == selector for one in of_kind(manifests, kind))


@every_set
def test_the_gateway_leaves_within_the_time_that_its_pod_is_given(values: str | None) -> None:
    manifests = rendered(values)
    (server,) = servers(manifests)
    (deployment,) = of_kind(manifests, "Deployment")
    waited = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 60 + waited


def test_another_config_is_another_rollout_and_the_same_is_none() -> None:
    (name,) = configs(rendered(None))
    (other,) = configs(rendered(None, "--set-string", "config=listen: {}"))
    (again,) = configs(rendered(None, "--set", "replicas=7"))
    assert name == again != other
    mounted = [each["configMap"]["name"] for each in pods(rendered(None))[0]["volumes"] if "configMap" in each]
    assert mounted == [name]


def test_a_config_is_passed_on_verbatim(tmp_path: Path) -> None:
    text = '# a comment, a ${VARIABLE} and a template: {{ .Values.x }}\nlisten: {public: "[::]:8080"}\n'
    (tmp_path / "gateway.yaml").write_text(text)
    (told,) = configs(rendered(None, "--set-file", f"config={tmp_path / 'gateway.yaml'}")).values()
    assert told.rstrip("\n") == text.rstrip("\n")


def test_the_files_that_the_keys_of_the_cluster_need_are_in_every_container() -> None:
    recipe = DEPLOY / "kubernetes/service-accounts/gateway.yaml"
    manifests = rendered("service-accounts", "--set-file", f"config={recipe}")
    (text,) = configs(manifests).values()
    cluster = YAML(typ="safe", pure=True).load(text)["authorities"]["cluster"]
    (pod, *_) = pods(manifests)
    (volume,) = [each for each in pod["volumes"] if each["name"] == "cluster"]
    token, authority = volume["projected"]["sources"]
    assert "audience" not in token["serviceAccountToken"]  # the API server's own
    for container in (*pod["initContainers"], *pod["containers"]):
        (folder,) = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "cluster"]
        assert cluster["jwks_token_file"] == f"{folder}/{token['serviceAccountToken']['path']}"
        assert cluster["ca_file"] == f"{folder}/{authority['configMap']['items'][0]['path']}"


def test_the_pods_of_the_proxy_alone_reach_the_ports_that_it_asks_at() -> None:
    folder = DEPLOY / "kubernetes/ext-auth"
    manifests = rendered("ext-auth", "--namespace", "edge", "--set-file", f"config={folder / 'gateway.yaml'}")
    (policy,) = of_kind(manifests, "NetworkPolicy")
    asked, _ = policy["spec"]["ingress"]
    assert asked["ports"] == [{"port": "http"}, {"port": "grpc"}]
    assert [each["podSelector"] for each in asked["from"]] == [
        {"matchLabels": {"app.kubernetes.io/component": "proxy"}}
    ]
    (server,) = servers(manifests)
    (text,) = configs(manifests).values()
    listen = YAML(typ="safe", pure=True).load(text)["listen"]
    expected = {int(listen[name].rpartition(":")[2]) for name in ("public", "health", "grpc")}
    assert {port["containerPort"] for port in server["ports"]} == expected
    (service,) = of_kind(manifests, "Service")
    ports = {(service["metadata"]["name"], each["port"]) for each in service["spec"]["ports"]}
    assert ports == {("gateway", 80), ("gateway", 8082)}  # as the files beside the config say


def test_the_schema_is_applied_before_the_pods_with_a_config_of_its_own() -> None:
    manifests = rendered("directory")
    (job,) = of_kind(manifests, "Job")
    assert "pre-upgrade" in job["metadata"]["annotations"]["helm.sh/hook"]
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][:2] == ["directory", "migrate"]
    mounted = [each["configMap"]["name"] for each in job["spec"]["template"]["spec"]["volumes"] if "configMap" in each]
    hooks = [one["metadata"]["name"] for one in of_kind(manifests, "ConfigMap") if "annotations" in one["metadata"]]
    assert mounted == hooks
    assert len(set(configs(manifests).values())) == 1


def test_alerts_and_dashboard_are_the_files_of_deploy() -> None:
    manifests = rendered("watched")
    (rule,) = of_kind(manifests, "PrometheusRule")
    assert rule["spec"] == YAML(typ="safe", pure=True).load(DEPLOY / "prometheus/rules.yaml")
    (shown,) = [
        one["data"]["session-gateway.json"]
        for one in of_kind(manifests, "ConfigMap")
        if "gateway.yaml" not in one["data"]
    ]
    assert json.loads(shown) == json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    (monitor,) = of_kind(manifests, "PodMonitor")
    (server,) = servers(manifests)
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in {port["name"] for port in server["ports"]}


def test_a_sidecar_stands_beside_its_service_and_a_native_one_before_it() -> None:
    (pod, *_) = pods(rendered("sidecar"))
    assert [each["name"] for each in pod["containers"]] == ["gateway", "orders"]
    (pod, *_) = pods(rendered("native-sidecar"))
    assert [each["name"] for each in pod["containers"]] == ["orders"]
    assert [(each["name"], each.get("restartPolicy")) for each in pod["initContainers"]] == [
        ("check", None),
        ("gateway", "Always"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "mode=proxy",
        "replica=2",
        "ports.public=80",
        "image.digest=abc",
        "mode=sidecar",
        "ingress.enabled=true",
        "config=",
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(wrong: str) -> None:
    told = helm("template", "shop", CHART, "--set", wrong)
    assert told.returncode != 0
    assert "kubeVersion" not in told.stderr


def test_the_versions_are_the_programs() -> None:
    chart = YAML(typ="safe", pure=True).load(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    assert {each["image"] for each in servers(rendered(None))} == {f"session-gateway:{__version__}"}
    assert all(one["metadata"]["labels"][LABEL] for one in rendered(None))
