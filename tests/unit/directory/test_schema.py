from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import gateway.directory.schema as schema_module
from gateway.directory.schema import REVISION, current, require_current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, SchemaError


def test_the_revision_that_is_required_is_the_newest_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema_module.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_a_directory_without_tables_is_no_directory_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    empty = Directory.open(f"sqlite:///{tmp_path}/empty.db")
    assert await current(empty) is None
    with pytest.raises(SchemaError, match="no tables yet; run: gateway directory migrate -c FILE"):
        await require_current(empty)
    await empty.close()
    absent = Directory.open(f"sqlite:///{tmp_path}/no/such/folder.db")
    with pytest.raises(DirectoryError, match="cannot be asked") as raised:
        await require_current(absent)
    assert not isinstance(raised.value, SchemaError)
    await absent.close()
