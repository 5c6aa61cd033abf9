"""Packages that add kinds, installed into a folder of their own, which is taken off the path at the end."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

PACKAGES = ROOT / "tests/support/packages"


def install(folder: Path, name: str) -> Path:
    """Install a package of `tests/support/packages` with pip into a folder, which is returned."""
    target = folder / "installed"
    source = shutil.copytree(PACKAGES / name, folder / name)  # building writes beside the source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--no-compile", "--target", str(target), str(source)], check=True, timeout=100
    )
    return target


def lay_out(folder: Path, name: str) -> Path:
    """Put a package where pip would and write what pip would of its entry points, in no time."""
    target = shutil.copytree(PACKAGES / name, folder / "installed")
    project = tomllib.loads((target / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    described.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (described / "METADATA").write_text(metadata, encoding="utf-8")
    groups = [
        "\n".join([f"[{group}]", *(f"{kind} = {place}" for kind, place in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (described / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    return target


@contextlib.contextmanager
def on_path(target: Path) -> Iterator[None]:
    """Let this process import what is installed in a folder."""
    before = set(sys.modules)
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(target))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(target)):
                del sys.modules[name]
