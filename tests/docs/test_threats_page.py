"""The page that maps each class of attack to its tests names all of ours; test_links sees to it that they exist."""

import re

from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

NAMED = set(re.findall(r"`(test_\w+)`", pages.text_of(DOCS / "THREATS.md")))


def test_every_file_of_attacks_is_on_the_page() -> None:
    for path in (ROOT / "tests/behaviour").glob("test_threats_*.py"):
        assert set(re.findall(r"def (test_\w+)", pages.text_of(path))) & NAMED, path.name
