from __future__ import annotations

from pathlib import Path

import pytest

from gateway.directory.exporting import export_records
from gateway.directory.hashing import login_token_hash
from gateway.directory.loading import load_records
from gateway.directory.store import Directory
from gateway.model.answers import Found
from tests.support.builders.directory import (
    CHAT_TOKEN,
    PEPPERS,
    PROJECT_KEY,
    Changes,
    authority_of,
    key_credential,
    opened,
)

pytestmark = pytest.mark.slow


async def exported(directory: Directory, path: Path, *, hashes: bool = False) -> str:
    text = "\n".join([line async for line in export_records(directory, hashes=hashes)])
    path.write_text(text, encoding="utf-8")
    return text


@pytest.mark.parametrize("hashes", [False, True])
async def test_an_export_loads_again_here_and_elsewhere(tmp_path: Path, *, hashes: bool) -> None:
    path = tmp_path / "export.json"
    async with opened(f"sqlite:///{tmp_path}/a.db") as directory:
        text = await exported(directory, path, hashes=hashes)
        again = await load_records(directory, PEPPERS, path, Changes())
        assert again.differences == ()
        assert isinstance(await authority_of(directory).look_up(key_credential(PROJECT_KEY)), Found)
    async with opened(f"sqlite:///{tmp_path}/b.db", demo=False) as other:
        await load_records(other, PEPPERS, path, Changes())
        assert await exported(other, tmp_path / "again.json", hashes=hashes) == text
        answer = await authority_of(other).look_up(key_credential(PROJECT_KEY))
        assert isinstance(answer, Found) == hashes


async def test_an_export_has_no_secret(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/a.db") as directory:
        plain = await exported(directory, tmp_path / "plain.json")
        hashed = await exported(directory, tmp_path / "hashed.json", hashes=True)
    for secret in (PROJECT_KEY, CHAT_TOKEN, "webhook_secret"):
        assert secret not in plain + hashed
    for digest in (PEPPERS.hash(PROJECT_KEY), login_token_hash(CHAT_TOKEN)):
        assert digest not in plain
        assert digest in hashed
