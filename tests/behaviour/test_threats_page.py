"""The page that maps each class of attack to its tests names tests that exist, and all of ours."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "deploy/SECURITY.md"
EXIST = {path: set(re.findall(r"def (test_\w+)", path.read_text())) for path in HERE.glob("test_*.py")}
NAMED = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))


def test_every_test_that_is_named_exists() -> None:
    assert set().union(*EXIST.values()) >= NAMED


def test_every_file_of_attacks_is_on_the_page() -> None:
    for path, tests in EXIST.items():
        if path.name.startswith("test_threats_") and path.name != "test_threats_page.py":
            assert tests & NAMED, path.name
