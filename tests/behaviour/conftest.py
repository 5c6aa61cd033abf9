"""Fixtures of behaviours: the whole gateway, attacked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateways.attacks import Victim, victim
from tests.support.gateways.serving import Examples


@pytest.fixture
def sections() -> dict[str, Any]:
    """What the attacked gateway's config has besides; a file that needs other sections overrides this."""
    return {}


@pytest.fixture
async def attacked(examples: Examples, tmp_path: Path, sections: dict[str, Any]) -> AsyncIterator[Victim]:
    """A gateway on the example records in front of a recording upstream."""
    async with victim(examples, tmp_path, **sections) as running:
        yield running
