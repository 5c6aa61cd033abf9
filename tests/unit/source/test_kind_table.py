"""A table of kinds, with packages that are nothing but what an installer leaves of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from gateway.model.errors import KindError
from gateway.source.kind_table import KindTable
from gateway.source.values import SettingsModel
from tests.support.gateways.packages import on_path

GROUP = "session_gateway.tests"


class Animal(SettingsModel):
    kind: str
    legs: int = 4


class AnimalKind(msgspec.Struct, frozen=True):
    name: str
    settings: type[Animal] | None = Animal


TABLE = KindTable(AnimalKind, GROUP, (AnimalKind("cat"), AnimalKind("ghost", None)))
Validate = Callable[[Any], Any]


@pytest.fixture
def validate() -> Validate:
    return TABLE.validator("kind", lambda kind, _: kind.settings, lambda kind, _: kind.name)


@pytest.fixture
def dog(tmp_path: Path) -> Iterator[None]:
    """A package with one kind, and another name for one of ours."""
    package = tmp_path / "dogs-3.1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: dogs\nVersion: 3.1\n", encoding="utf-8")
    points = f"[{GROUP}]\ndog = dogs_of_tests:KIND\ncat = dogs_of_tests:KIND\nwolf = dogs_of_tests:KIND\n"
    (package / "entry_points.txt").write_text(points, encoding="utf-8")
    module = f"from {AnimalKind.__module__} import AnimalKind\n"
    (tmp_path / "dogs_of_tests.py").write_text(module + 'KIND = AnimalKind("dog")\n', encoding="utf-8")
    with on_path(tmp_path):
        yield


def problem(validate: Validate, written: Any) -> tuple[tuple[int | str, ...], str]:
    with pytest.raises(ValidationError) as caught:
        validate(written)
    (error,) = caught.value.errors(include_url=False)
    return error["loc"], error["msg"]


def test_a_kind_of_ours_makes_its_settings(validate: Validate) -> None:
    assert validate({"kind": "cat", "legs": 3}).legs == 3
    settings = Animal(kind="cat")
    assert validate(settings) is settings


@pytest.mark.parametrize(
    ("written", "place", "text"),
    [
        ({}, ("kind",), "Field required"),
        (7, (), "Input should be a valid dictionary"),
        ({"kind": "cow"}, ("kind",), "cow is not known; must be cat"),
        ({"kind": "ghost"}, ("kind",), "ghost cannot stand here; must be cat"),
        ({"kind": 7}, ("kind",), "must be cat"),
        ({"kind": "c0w-" * 40}, ("kind",), "must be cat"),
        ({"kind": "\n"}, ("kind",), "must be cat"),
    ],
)  # fmt: skip
def test_a_problem_is_at_its_key_and_says_what_there_is(
    validate: Validate, written: Any, place: tuple[str, ...], text: str
) -> None:
    assert problem(validate, written) == (place, text)


@pytest.mark.usefixtures("dog")
def test_a_package_adds_a_kind_and_replaces_none(validate: Validate) -> None:
    assert validate({"kind": "dog", "legs": 3}).kind == "dog"
    assert TABLE.named("cat") is TABLE.own["cat"]
    assert problem(validate, {"kind": "cow"})[1] == "cow is not known; must be cat, dog of dogs 3.1 or wolf of dogs 3.1"


@pytest.mark.usefixtures("dog")
def test_what_a_package_calls_otherwise_than_its_kind_is_not_used(validate: Validate) -> None:
    text = "wolf of dogs 3.1 cannot be used: dogs_of_tests:KIND is no AnimalKind of that name"
    assert problem(validate, {"kind": "wolf"}) == (("kind",), text)


def test_a_kind_that_is_gone_is_an_error_of_ours() -> None:
    with pytest.raises(KindError, match="cow is not known; must be cat or ghost"):
        TABLE.named("cow")
