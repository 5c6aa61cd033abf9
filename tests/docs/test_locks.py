"""The lock files hold what pyproject.toml asks for: `make lock` was not forgotten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {
    "dev": ("dev",),
    "e2e": ("e2e",),
    "image-postgres,passwords": ("postgres", "passwords"),
    "image-postgres,passwords,otel": ("postgres", "passwords", "otel"),
    "image-postgres,passwords,grpc": ("postgres", "passwords", "grpc"),
}
"""The lock files of the program, each with the extras that it is made for."""

FILES = sorted((ROOT / "requirements").glob("*.lock"))


def text_of(lock: str) -> str:
    return (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")


def versions(lock: str) -> dict[str, str]:
    """Return the locked version of each package."""
    return dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", text_of(lock)))


def asked_for(extras: tuple[str, ...]) -> Iterator[Requirement]:
    """Yield what the program and these extras depend on; an extra may name others of ours."""
    project = PROJECT["project"]
    texts = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, texts):
        if requirement.name == project["name"]:
            yield from asked_for(tuple(requirement.extras))
        else:
            yield requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_asked_for(lock: str) -> None:
    locked = versions(lock)
    wrong = [
        str(requirement)
        for requirement in asked_for(LOCKS[lock])
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ]
    assert not wrong, "run `make lock`"


def test_the_build_lock_holds_what_builds_the_package() -> None:
    locked = versions("build")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert requirement.specifier.contains(locked[requirement.name])


def test_what_is_tested_is_what_the_image_runs() -> None:
    tested = versions("e2e")
    for lock in LOCKS:
        assert versions(lock).items() <= tested.items()


def test_there_is_no_other_lock() -> None:
    assert {path.stem for path in FILES} == {*LOCKS, "build"}


@pytest.mark.parametrize("lock", [*LOCKS, "build"])
def test_every_version_has_its_hashes_and_no_address(lock: str) -> None:
    entries = re.split(r"(?m)^(?=[\w.-]+==)", text_of(lock))[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text_of(lock)
