"""`helm upgrade` from the version before: a cluster refuses nothing that differs, and its values still count."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway import __version__
from tests.charts.test_chart import CHART, every_set, rendered
from tests.support.readers.kustomization import Manifest

BEFORE = "0.0.9"
FIRST_VALUES = Path(__file__).with_name("first-values.yaml")
"""All values of the chart's first version."""

IMMUTABLE = {"Deployment": ("selector",), "Service": ("clusterIP",), "Job": ("selector", "template")}
"""Fields of `spec` that an API server refuses to change."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same chart as of another version, which is in its labels, its images and its hooks."""
    chart = tmp_path_factory.mktemp("before") / "session-gateway"
    shutil.copytree(CHART, chart)
    text = (chart / "Chart.yaml").read_text()
    (chart / "Chart.yaml").write_text(text.replace(f"ersion: {__version__}", f"ersion: {BEFORE}"))
    return chart


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Any]:
    return {(one["kind"], one["metadata"]["name"]): one for one in manifests}


@every_set
def test_an_upgrade_changes_nothing_that_a_cluster_refuses_to_change(values: str | None, before: Path) -> None:
    earlier, later = by_name(rendered(values, chart=before)), by_name(rendered(values))
    assert earlier.keys() == later.keys()
    assert earlier != later  # the version is told by labels and images
    for (kind, name), manifest in later.items():
        if "helm.sh/hook" in manifest["metadata"].get("annotations", {}):
            continue  # made anew each time
        for field in IMMUTABLE.get(kind, ()):
            assert manifest["spec"].get(field) == earlier[kind, name]["spec"].get(field), (kind, name, field)


@every_set
def test_what_was_made_by_a_hook_is_deleted_before_it_is_made_again(values: str | None) -> None:
    hooks = [one["metadata"]["annotations"] for one in rendered(values) if "annotations" in one["metadata"]]
    policies = [each["helm.sh/hook-delete-policy"] for each in hooks if "helm.sh/hook" in each]
    assert policies
    assert all("before-hook-creation" in each for each in policies)


def test_the_values_of_the_first_version_are_still_taken() -> None:
    assert by_name(rendered(None, "--values", str(FIRST_VALUES))).keys() == by_name(rendered(None)).keys()
    first = YAML(typ="safe", pure=True).load(FIRST_VALUES)
    assert first.keys() <= YAML(typ="safe", pure=True).load(CHART / "values.yaml").keys()
