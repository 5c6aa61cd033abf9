"""The README is short, and leads to every page."""

from __future__ import annotations

from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

README = ROOT / "README.md"


def test_the_readme_is_read_in_one_go() -> None:
    assert len(pages.text_of(README).splitlines()) < 200


def test_the_readme_leads_to_every_page() -> None:
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= set(pages.links(README))
