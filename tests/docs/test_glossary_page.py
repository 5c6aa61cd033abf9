"""The glossary is in order, says each word once and in one line, and has no word that the code does not use."""

from __future__ import annotations

import re

from tests.support.readers import pages
from tests.support.repository import DOCS, ROOT

LINES = [line for line in pages.text_of(DOCS / "GLOSSARY.md").splitlines()[3:] if line]
WORDS = [line.partition("**: ")[0].removeprefix("- **") for line in LINES]
CODE = "\n".join(pages.text_of(path) for path in pages.files(".py") if path.is_relative_to(ROOT / "gateway"))


def test_every_word_has_one_line_in_order() -> None:
    assert all(re.fullmatch(r"- \*\*[a-z -]+\*\*: .+\.", line) for line in LINES)
    assert sorted(set(WORDS)) == WORDS


def test_every_word_is_used_in_the_code() -> None:
    """As it stands in prose (`fork server`), or as a name has it (`fork_server`, `ForkServer`)."""
    spellings = {word: re.sub(r"[ -]", "[ _-]?", word) for word in WORDS}
    assert [word for word, spelling in spellings.items() if not re.search(spelling, CODE, re.IGNORECASE)] == []
