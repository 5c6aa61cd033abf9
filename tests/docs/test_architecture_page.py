"""The picture of the layers is the contract that the linter proves, and each package's line is its own docstring."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

PAGE = DOCS / "ARCHITECTURE.md"
CONTRACTS = tomllib.loads(pages.text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
LAYERS: list[str] = next(each["layers"] for each in CONTRACTS if each["type"] == "layers")


def purpose(name: str) -> str:
    """Return the first line of a package's or module's docstring."""
    package = ROOT / "gateway" / name
    path = package / "__init__.py" if package.is_dir() else Path(f"{package}.py")
    docstring = ast.get_docstring(ast.parse(pages.text_of(path)))
    assert docstring, path
    return docstring.splitlines()[0]


def test_the_picture_of_the_layers_is_the_linter_s_contract() -> None:
    (picture,) = re.findall(r"(?ms)^```layers\n(.*?)^```", pages.text_of(PAGE))
    assert picture.splitlines() == LAYERS


def test_the_table_has_every_package_in_their_order_with_its_own_words() -> None:
    names = [name for layer in LAYERS for name in layer.split(" | ")]
    shown = re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", pages.part(PAGE, "Layers"))
    assert shown == [(name, purpose(name)) for name in names]


def test_the_page_names_every_package_that_may_not_touch_a_socket() -> None:
    pure = next(each["source_modules"] for each in CONTRACTS if each["name"].startswith("Judging is pure"))
    (rule,) = re.findall(r"(?s)\*\*Judging is pure.*?\n\n", pages.text_of(PAGE))
    assert {name.removeprefix("gateway.") for name in pure} <= set(re.findall(r"`(\w+)`", rule))
