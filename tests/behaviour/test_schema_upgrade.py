"""A directory of any earlier version: brought up to date it keeps its rows, and serves who could sign in before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from gateway.directory import migrating
from gateway.directory.migrating import migrate
from tests.support.clients.raw_http import exchange
from tests.support.gateways.serving import PROJECT_KEY, Examples, config, serving
from tests.support.servers.recording_upstream import recording_upstream

SCRIPTS = Path(migrating.__file__).with_name("migrations")
REVISIONS = sorted(path.stem.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))

Rows = dict[str, list[dict[str, Any]]]


def taken_back(path: Path, revision: str) -> None:
    """Bring a directory to the schema that an earlier version had, with the rows that it could have."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        alembic = Config()
        alembic.set_main_option("script_location", str(SCRIPTS))
        alembic.attributes["connection"] = connection
        command.downgrade(alembic, revision)
    engine.dispose()


def schema(path: Path) -> dict[str, set[str]]:
    """Return the columns of every table and index, in whatever order they were made, and the text of every trigger."""
    with closing(sqlite3.connect(path)) as connection:
        found = {}
        for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            if kind == "trigger":
                found[name] = {text}
            else:
                lines = connection.execute(f"PRAGMA {kind}_xinfo('{name}')").fetchall()
                found[name] = {str(line[1:] if kind == "table" else line[2:]) for line in lines}
        return found


def rows(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]  # noqa: S608 - ours
            for table in tables
            if table != "alembic_version"
        }


@pytest.fixture
def directory(examples: Examples, tmp_path: Path) -> Path:
    examples.settings(tmp_path)
    return tmp_path / "directory.db"


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_whatever_version_made_it_the_schema_is_the_new_one_and_no_row_is_lost(
    revision: str, directory: Path
) -> None:
    fresh = schema(directory)
    taken_back(directory, revision)
    before = rows(directory)
    assert before["users"]
    assert schema(directory) != fresh
    await migrate(f"sqlite:///{directory}")
    assert schema(directory) == fresh
    after = rows(directory)
    for table, earlier in before.items():
        shared = [{name: row[name] for name in earlier[0]} for row in after[table]] if earlier else []
        assert shared == earlier, table


async def test_a_key_of_the_first_version_is_served_by_the_new_one(directory: Path, tmp_path: Path) -> None:
    taken_back(directory, REVISIONS[0])
    await migrate(f"sqlite:///{directory}")
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, Examples.described(tmp_path)), tmp_path) as gateway,
    ):
        request = f"GET /echo/ HTTP/1.1\r\nHost: gateway\r\nX-Api-Key: {PROJECT_KEY}\r\n\r\n"
        assert (await exchange(gateway.port, request.encode())).status == 200
