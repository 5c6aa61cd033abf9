"""The wheel in an empty environment, without the source tree: it is whole, and needs no more than it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from gateway import __version__
from tests.support.builders.directory import DEMO_RECORDS, PROJECT_KEY
from tests.support.repository import ROOT

SOURCES = ("gateway", "pyproject.toml", "README.md", "LICENSE")
QUIETLY = ("--quiet", "--disable-pip-version-check")
CONFIG = """\
listen: {public: "127.0.0.1:0", admin: "127.0.0.1:0"}
secret: 0123456789-0123456789-0123456789-0123456789
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: 0123456789-0123456789-0123456789-0123456789}
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
session_info:
  - {dialect: composio, credentials: [key]}
routes:
  - {name: app, match: {path: /}, upstream: "http://127.0.0.1:9"}
"""


def install(environment: Path, *arguments: object) -> None:
    """Install into an environment, by the pip of this one; what is imported writes its bytecode itself."""
    command = [sys.executable, "-m", "pip", "--python", environment, "install", "--no-compile", *arguments, *QUIETLY]
    subprocess.run([*map(str, command)], check=True, capture_output=True)


def built(folder: Path) -> Path:
    """Build the wheel from a copy of the sources, as a release does."""
    folder.mkdir()
    for each in SOURCES:
        found = ROOT / each
        if found.is_dir():
            shutil.copytree(found, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, folder)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", *QUIETLY]
    subprocess.run([*command, "--wheel-dir", folder / "dist", folder], check=True, capture_output=True, env=environment)
    (wheel,) = (folder / "dist").iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel") / "one")


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, in an environment that has what the image has and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    install(environment, "--require-hashes", "-r", ROOT / "requirements/image-postgres,passwords.lock")
    install(environment, "--no-deps", wheel)
    return environment / "bin/gateway"


def ran(program: Path, folder: Path, *arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, arguments)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def serving(program: Path, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A gateway that serves the demo's records from a folder that has nothing else; its URL, and its process."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    for command, typed in (
        (("migrate", "-c", "gateway.yaml"), ""),
        (("load", "-c", "gateway.yaml", DEMO_RECORDS), ""),
        (("user", "password", "-c", "gateway.yaml", "user_456789123"), "correct horse\n"),
    ):
        told = ran(program, tmp_path, "directory", *command, typed=typed)
        assert told.returncode == 0, told.stderr
    process = subprocess.Popen(
        [program, "serve", "-c", "gateway.yaml"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = (json.loads(line) for line in process.stdout)
        port = next(line["public"] for line in lines if line.get("event") == "serving")
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()


def test_the_same_sources_make_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert built(tmp_path / "two").read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_the_package_and_all_of_it(wheel: Path) -> None:
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = ROOT / "gateway"
    wanted = {
        str(path.relative_to(ROOT)) for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == wanted


def test_the_program_says_its_version_and_finds_mistakes(program: Path, tmp_path: Path) -> None:
    assert ran(program, tmp_path, "--version").stdout.split()[-1] == __version__
    (tmp_path / "gateway.yaml").write_text(CONFIG.replace("upstream", "upstrem"))
    told = ran(program, tmp_path, "check", "-c", "gateway.yaml")
    assert (told.returncode, "gateway.yaml:10:" in told.stdout, "Traceback" in told.stderr) == (1, True, False)


def test_it_serves_its_records_and_ends_in_order(serving: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = serving
    asked = urllib.request.Request(f"{url}/api/v3/auth/session/info", headers={"x-api-key": PROJECT_KEY})  # noqa: S310
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - a URL of ours
        assert json.load(answer)["project"]
    process.terminate()
    assert process.wait(timeout=30) == 0
