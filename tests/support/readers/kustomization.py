"""What `kubectl apply -k` would send of a kustomization: the parts of kustomize that ours use, and no others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Manifest = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "resources", "labels", "configMapGenerator", "images"}


def rendered(folder: Path) -> list[Manifest]:
    """Return the manifests in the order of the kustomization; raises ValueError for a part that is not known here."""
    (kustomization,) = _read(folder / "kustomization.yaml")
    if unknown := set(kustomization) - _KNOWN:
        raise ValueError(f"not known here: {', '.join(unknown)}")
    manifests = [one for name in kustomization["resources"] for one in _read(folder / name)]
    for generator in kustomization.get("configMapGenerator", ()):
        made = _config_map(folder, generator)
        _rename(manifests, generator["name"], made["metadata"]["name"])
        manifests.append(made)
    for label in kustomization.get("labels", ()):
        for manifest in manifests:
            manifest["metadata"].setdefault("labels", {}).update(label["pairs"])
    for container in containers(manifests):
        for image in kustomization.get("images", ()):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    return manifests


def containers(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    """Yield the containers of every Deployment, those that run before the others too."""
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            pod = manifest["spec"]["template"]["spec"]
            yield from (*pod.get("initContainers", ()), *pod["containers"])


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def written(manifests: list[Manifest], path: Path) -> Path:
    """Write manifests as `kubectl` reads them."""
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump_all(manifests, file)
    return path


def _read(path: Path) -> list[Manifest]:
    return list(YAML(typ="safe", pure=True).load_all(path))


def _config_map(folder: Path, generator: dict[str, Any]) -> Manifest:
    """Return the generated map; its name carries a hash of its content (not kustomize's own, which nothing reads)."""
    data = {name: (folder / name).read_text(encoding="utf-8") for name in generator["files"]}
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:10]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{generator['name']}-{digest}"},
        "data": data,
    }


def _rename(manifests: list[Manifest], before: str, after: str) -> None:
    for manifest in of_kind(manifests, "Deployment"):
        for volume in manifest["spec"]["template"]["spec"].get("volumes", ()):
            if volume.get("configMap", {}).get("name") == before:
                volume["configMap"]["name"] = after
