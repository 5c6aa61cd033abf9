from __future__ import annotations

from pathlib import Path

import pytest

from gateway.directory.migrating import migrate
from gateway.directory.schema import current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError


async def test_a_new_directory_is_made_with_its_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/var/100%/directory.db"
    await migrate(url)
    directory = Directory.open(url)
    assert await current(directory) == "0001"
    await directory.close()


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    content = b"these are the accounts of 1998" * 100
    path.write_bytes(content)
    with pytest.raises(DirectoryError, match="cannot be asked"):
        await migrate(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_it_does_not_matter_from_where_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await migrate("sqlite:///directory.db")
    assert (tmp_path / "directory.db").stat().st_size > 0
