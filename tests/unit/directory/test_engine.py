from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.directory.database_url import SqliteFile
from gateway.directory.engine import make_place, open_engine, read_url
from gateway.model.errors import DirectoryError


async def test_sqlite_is_opened_for_many_readers_with_its_rules_on(tmp_path: Path) -> None:
    engine = open_engine(SqliteFile(tmp_path / "directory.db"))
    async with engine.connect() as connection:
        found = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    await engine.dispose()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000}


async def test_postgresql_is_asked_by_asyncpg_and_the_engine_has_no_password() -> None:
    engine = open_engine(read_url("postgresql://u:hunter2@db:5432/gw"))
    assert engine.url.drivername == "postgresql+asyncpg"
    assert "hunter2" not in engine.url.render_as_string(hide_password=False)
    await engine.dispose()


def test_a_url_that_cannot_be_used_is_refused_without_showing_it() -> None:
    with pytest.raises(DirectoryError, match=r"^the directory's url has a port that there is not") as raised:
        read_url("postgresql://u:hunter2@db:0/gw")
    assert "hunter2" not in str(raised.value)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    make_place(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"before")
    make_place(f"sqlite:///{path}")
    assert path.read_bytes() == b"before"


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryError, match=r"file/directory\.db: cannot be made"):
        make_place(f"sqlite:///{tmp_path}/file/directory.db")


def test_a_mistyped_path_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"there is no folder .*/vra: make it, or correct the path"):
        make_place(f"sqlite:///{tmp_path}/vra/directory.db")
    assert list(tmp_path.iterdir()) == []


def test_postgresql_needs_no_place() -> None:
    make_place("postgresql://db/gw")
