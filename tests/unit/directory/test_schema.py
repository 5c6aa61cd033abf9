from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import gateway.directory.schema as schema_module
from gateway.directory.migrating import migrate
from gateway.directory.schema import REVISION, current, open_current, require_current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, SchemaError


def test_the_revision_that_is_required_is_the_newest_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema_module.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def databases(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.db")]


async def test_a_file_without_tables_and_no_file_at_all_have_the_same_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("empty.db", "absent.db", "no/such/folder.db"):
        directory = Directory.open(f"sqlite:///{tmp_path}/{name}")
        assert await current(directory) is None
        with pytest.raises(SchemaError, match="no tables yet; run: gateway directory migrate -c FILE"):
            await require_current(directory)
        await directory.close()
    assert databases(tmp_path) == ["empty.db"]


async def test_a_database_that_cannot_be_asked_is_no_old_one(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_bytes(b"these are the accounts of 1998" * 100)
    directory = Directory.open(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(DirectoryError, match="cannot be asked") as raised:
        await require_current(directory)
    assert not isinstance(raised.value, SchemaError)
    await directory.close()


async def test_a_command_opens_a_current_directory_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/directory.db"
    (tmp_path / "directory.db").touch()
    with pytest.raises(SchemaError, match="gateway directory migrate"):
        async with open_current(url):
            pass
    await migrate(url)
    async with open_current(url) as directory:
        assert await directory.session_by_id("s") is None
