"""The repository's pages as text: their headings, links, and what they name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

_FOREIGN = {"node_modules", "build", "var", "__pycache__"}
"""Folders whose files are not ours; those that begin with a dot, but for the CI's, are not either."""


def files(*endings: str) -> list[Path]:
    """Return the repository's own files with one of these endings."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not (name in _FOREIGN or name.startswith("."))]
        found += [Path(folder, name) for name in names if name.endswith(endings)]
    return sorted(found)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its fenced blocks: what stands in those is no heading and no link."""
    return re.sub(r"(?ms)^( *)(```+).*?^\1\2$", "", text_of(page))


def headings(page: Path) -> list[str]:
    return re.findall(r"(?m)^#+ (.*)$", prose(page))


def anchors(page: Path) -> set[str]:
    """Return the names by which the headings of a page are linked to, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links that stay in the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            yield target


def names_of_tests() -> set[str]:
    """Return the names of all tests there are."""
    paths = [path for path in files(".py") if path.name.startswith("test_")]
    return {name for path in paths for name in re.findall(r"def (test_\w+)", text_of(path))}


def part(page: Path, heading: str) -> str:
    """Return what stands under a heading, its own smaller headings among it; raises ValueError without that heading."""
    found = re.search(rf"(?ms)^(#+) {re.escape(heading)}$\n(.*?)(?=^(?!\1#)#+ |\Z)", text_of(page))
    if found is None:
        raise ValueError(f"{page.name} has no heading {heading!r}")
    return found[2]
