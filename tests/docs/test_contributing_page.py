"""The recipes are what every kind there is has done, so that whoever adds one forgets nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from gateway.authorities.kinds import AUTHORITIES
from gateway.credentials.kinds import CREDENTIALS
from gateway.dialects.kinds import DIALECTS
from gateway.dialects.product_actions import build_actions
from gateway.endpoints.forward_auth.kinds import FORWARD_AUTH
from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

PAGE = DOCS / "CONTRIBUTING.md"


TABLES: dict[str, Any] = {
    "A dialect": DIALECTS,
    "A credential kind": CREDENTIALS,
    "An authority": AUTHORITIES,
    "A forward-auth endpoint": FORWARD_AUTH,
}
KINDS = {recipe: list(table.own) for recipe, table in TABLES.items()}
EACH = [pytest.param(recipe, kind, id=kind) for recipe, kinds in KINDS.items() for kind in kinds]
SOURCES = [path for path in pages.files(".py", ".yaml", ".toml") if not path.is_relative_to(ROOT / "tests")]
SHARED = [path for path in pages.files(".py") if re.search(r"/tests/(contracts|support)/", str(path))]


def rows(recipe: str) -> dict[str, str]:
    """Return the files of a recipe, each with what it must contain."""
    return dict(re.findall(r"(?m)^\| `([^`]+)` \| (?:`([^`]+)` )?\|", pages.part(PAGE, recipe)))


def names(text: str, kind: str) -> bool:
    """Tell whether a file is about a kind: as a module, a value of the config, or a word of the code."""
    return re.search(rf"[\"'.:/ ]{kind}\b", text) is not None


@pytest.mark.parametrize(("recipe", "kind"), EACH)
def test_every_kind_has_every_file_of_its_recipe(recipe: str, kind: str) -> None:
    for path, content in rows(recipe).items():
        file = ROOT / path.replace("KIND", kind)
        assert file.exists(), path
        assert not content or content.replace("KIND", kind) in pages.text_of(file), (path, content)


def actions() -> Iterator[tuple[str, str, str]]:
    """Yield each action of each product: the product, the action's name in the config, and its first path."""
    for product in DIALECTS.own:
        served = DIALECTS.named(product).served
        if served is None or "actions" not in served.settings.model_fields:
            continue
        (names, _) = get_args(served.settings.model_fields["actions"].annotation)
        for name in get_args(names):
            made = build_actions(served.settings(dialect=product, credentials=("cookie",), actions=(name,)))
            assert made is not None, (product, name)
            yield product, name, made.actions[0].paths[0]


ACTIONS = [pytest.param(*each, id=":".join(each[:2])) for each in actions()]


@pytest.mark.parametrize(("product", "action", "path"), ACTIONS)
def test_every_action_of_a_product_has_every_file_of_its_recipe(product: str, action: str, path: str) -> None:
    for file, content in rows("A product's action").items():
        text = pages.text_of(ROOT / file.replace("KIND", product))
        for name, value in (("KIND", product), ("ACTION", action), ("PATH", path)):
            content = (content or "").replace(name, value)  # noqa: PLW2901 - filled in step by step
        assert content in text, (file, content)


@pytest.mark.parametrize("recipe", KINDS)
def test_what_names_every_kind_is_in_the_recipe(recipe: str) -> None:
    found = {path for path in (*SOURCES, *SHARED) if all(names(pages.text_of(path), kind) for kind in KINDS[recipe])}
    assert {str(path.relative_to(ROOT)) for path in found} - rows(recipe).keys() == set()


def test_the_share_of_the_code_that_tests_run_is_the_gate_s() -> None:
    report = tomllib.loads(pages.text_of(ROOT / "pyproject.toml"))["tool"]["coverage"]["report"]
    assert all(f"{report['fail_under']} %" in pages.text_of(page) for page in (PAGE, ROOT / "README.md"))


def test_every_target_of_make_is_explained_and_the_reverse() -> None:
    targets = re.findall(r"(?m)^\.PHONY: (.*)$", pages.text_of(ROOT / "Makefile"))[0].split()
    assert set(re.findall(r"`make ([a-z0-9-]+)`", pages.text_of(PAGE))) == set(targets)
