"""What fuzzing has found, tried again each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_every_find_is_read_as_it_must_be(name: str) -> None:
    finds = sorted((CORPUS / name).iterdir())
    assert finds
    for find in finds:
        TARGETS[name](find.read_bytes())
