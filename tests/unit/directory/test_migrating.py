from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.migrating import migrate
from gateway.directory.schema import current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.raw_http import PATIENCE
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
import asyncio, sys
from gateway.directory.migrating import migrate
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(migrate(sys.argv[1]))
"""


async def revision(url: str) -> str | None:
    directory = Directory.open(url)
    try:
        return await current(directory)
    finally:
        await directory.close()


def tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


async def test_a_new_directory_is_made_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "var/100%").mkdir(parents=True)
    url = f"sqlite:///{tmp_path}/var/100%/directory.db"
    await migrate(url)
    assert await revision(url) == "0007"


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


async def test_one_that_fails_half_way_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sessions (id TEXT)")  # another program's: ours cannot be made beside it
    with pytest.raises(DirectoryError, match="a table of the same name is there already"):
        await migrate(f"sqlite:///{path}")
    assert tables(path) == ["sessions"]
    path.unlink()
    await migrate(f"sqlite:///{path}")
    assert await revision(f"sqlite:///{path}") == "0007"


async def test_several_directories_of_one_process_are_migrated_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("a", "b", "c")]
    await asyncio.gather(*map(migrate, urls), *map(migrate, urls))
    assert await asyncio.gather(*map(revision, urls)) == ["0007"] * 3


@pytest.mark.processes
def test_processes_that_start_together_migrate_one_file_in_turn(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path}/directory.db"]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, text=True, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=PATIENCE)[1], process.returncode) for process in processes]
    assert ended == [("", 0)] * 3
