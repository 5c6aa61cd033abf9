from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.authorities.authority import Authority
from gateway.config.settings import Settings
from gateway.wiring.call_operations import open_directories
from tests.support.builders.directory import authority_of, opened

NOBODY: Any = None


async def test_only_directories_are_opened(tmp_path: Path) -> None:
    accounts = {"kind": "directory", "url": "sqlite:///x", "pepper": "p"}
    settings = Settings.model_validate({"secret": "s", "authorities": {"accounts": accounts}})
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        authorities: dict[str, Authority] = {"accounts": authority_of(directory), "remote": NOBODY}
        assert list(open_directories(settings.authorities, authorities, NOBODY)) == ["accounts"]
