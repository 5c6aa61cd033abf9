"""What the pages, the code and the tests refer to is there: files, headings, tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

PAGES = pages.files(".md")
REFERRING = pages.files(
    ".md", ".py", ".yaml", ".toml", ".conf", ".service", "Dockerfile", "Caddyfile", "Makefile", "run"
)
REFERENCE = re.compile(r'docs/([A-Z]+\.md)(?:#([\w-]+)|,? section (\d+)|,? section "([^"]+)")?')


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def wrong_references(text: str) -> list[str]:
    """Return each `docs/X.md`, with its `#anchor`, `section 4` or `section "Tokens"`, that is not there."""
    wrong = []
    for found in REFERENCE.finditer(" ".join(text.split())):
        page, anchor, number, heading = DOCS / found[1], found[2], found[3], found[4]
        there = page.is_file()
        if there and anchor:
            there = anchor in pages.anchors(page)
        elif there and number:
            there = any(title.startswith(f"{number}. ") for title in pages.headings(page))
        elif there and heading:
            there = heading in pages.headings(page)
        if not there:
            wrong.append(found[0])
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in pages.links(page):
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        if anchor:
            assert anchor in pages.anchors(place), target


def test_every_reference_to_a_page_names_one_with_that_heading() -> None:
    wrong = {name_of(path): wrong_references(pages.text_of(path)) for path in REFERRING if path != Path(__file__)}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_reference_to_what_is_not_there_is_found() -> None:
    there = 'docs/THREATS.md, docs/THREATS.md#tokens, docs/THREATS.md section 4, docs/THREATS.md section "Tokens"'
    gone = ["docs/NOPE.md", "docs/THREATS.md#nope", "docs/THREATS.md section 99", 'docs/THREATS.md section "Nope"']
    assert wrong_references(there) == []
    assert wrong_references("; ".join(gone)) == gone


def test_every_test_that_a_page_names_exists() -> None:
    there = pages.names_of_tests()
    for page in PAGES:
        named = set(re.findall(r"`(test_\w+)`", pages.text_of(page)))
        assert named <= there, (name_of(page), named - there)


def test_every_path_that_a_page_names_exists() -> None:
    """In backticks, from the root: `gateway/gate.py`, `tests/contracts/`, `tests/behaviour/test_threats_*.py`.

    `KIND` stands for the name of a kind; test_contributing_page puts it in.
    """
    for page in PAGES:
        for path in re.findall(r"`((?:gateway|tests|deploy|docs|config)/[^`\s#]*)[^`\s]*`", pages.prose(page)):
            assert "KIND" in path or list(ROOT.glob(path.rstrip("/"))), (name_of(page), path)


def test_no_page_promises_what_is_not_published() -> None:
    """Whoever follows it would get nothing, or what somebody else has put there; the release's own part says when."""
    promised = re.compile(
        r"pip install '?session-gateway|docker (?:pull|run)[^\n]*/session-gateway|helm repo add|oci://"
    )
    found = {name_of(path) for path in REFERRING if path.suffix != ".py" and promised.search(pages.text_of(path))}
    assert found == {"docs/CONTRIBUTING.md"}
    (release,) = promised.findall(pages.text_of(DOCS / "CONTRIBUTING.md"))
    assert f"Once one is published, `{release}" in pages.part(DOCS / "CONTRIBUTING.md", "A release")
