from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select, update

from gateway.directory.operations.session_operations import create_session, end_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from tests.support.builders.directory import context_of, opened

METADATA = MetaData()
NAMES = Table("names", METADATA, Column("name", String, primary_key=True), Column("of", String))
USER, ORGANIZATION, WORKSPACE = "user_456789123", "org_123456789", "workspace_987654321"


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts how often a thread has called back: once for each visit."""

    visits = 0

    def call_soon_threadsafe(self, *arguments: Any, **options: Any) -> asyncio.Handle:
        self.visits += 1
        return super().call_soon_threadsafe(*arguments, **options)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/directory.db"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        yield runner


def visits_of(runner: asyncio.Runner) -> int:
    loop = runner.get_loop()
    assert isinstance(loop, CountingLoop)
    return loop.visits


@contextlib.asynccontextmanager
async def names(url: str) -> Any:
    directory = Directory.open(url, connections=1)
    try:
        async with directory.changing() as connection:
            await connection.run_sync(METADATA.create_all)
        yield directory
    finally:
        await directory.close()


async def insert_twice(directory: Directory) -> None:
    async with directory.changing() as connection:
        await connection.execute(insert(NAMES).values(name="a"))
        await connection.execute(insert(NAMES).values(name="a"))


async def test_a_statement_tells_its_rows_and_how_many_it_changed(url: str) -> None:
    async with names(url) as directory:
        async with directory.changing() as connection:
            await connection.execute(insert(NAMES), [{"name": "a", "of": "x"}, {"name": "b", "of": "x"}])
            returned = await connection.execute(insert(NAMES).values(name="c").returning(NAMES.c.name, NAMES.c.of))
            assert returned.one()._mapping == {"name": "c", "of": None}
            assert (await connection.execute(update(NAMES).values(of="y").where(NAMES.c.of == "x"))).rowcount == 2
            assert (await connection.execute(delete(NAMES).where(NAMES.c.name == "nobody"))).rowcount == 0
        async with directory.reading() as connection:
            found = (await connection.execute(select(NAMES).order_by(NAMES.c.name))).all()
        assert found == [("a", "y"), ("b", "y"), ("c", None)]


async def test_a_refused_statement_changes_nothing_and_the_connection_is_good_afterwards(url: str) -> None:
    async with names(url) as directory:
        for _ in range(2):
            with pytest.raises(DirectoryError):
                await insert_twice(directory)
        async with directory.reading() as connection:
            assert (await connection.execute(select(NAMES))).all() == []


async def test_who_gives_up_waiting_for_another_writer_leaves_no_transaction_behind(url: str, tmp_path: Path) -> None:
    async with names(url) as directory:
        other = sqlite3.connect(tmp_path / "directory.db", isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN IMMEDIATE")

            async def change() -> None:
                async with directory.changing() as connection:
                    await connection.execute(insert(NAMES).values(name="late"))

            waiting = asyncio.create_task(change())  # noqa: TID251 - held right here
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), 0.05)
            waiting.cancel()
            other.execute("COMMIT")  # at once: the thread that waits for the file would else wait for seconds
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await change()
            other.execute("BEGIN IMMEDIATE")  # nobody else holds the file's lock
            assert other.execute("SELECT name FROM names").fetchall() == [("late",)]


@pytest.mark.slow
def test_a_session_is_opened_in_six_visits_and_ended_in_five(url: str, runner: asyncio.Runner) -> None:
    async def count() -> tuple[int, int]:
        async with opened(url) as directory:
            context = context_of(directory)
            new = NewSession(user=USER, organization=ORGANIZATION, workspace=WORKSPACE)
            await create_session(context, new)
            before = visits_of(runner)
            issued = await create_session(context, new)
            between = visits_of(runner)
            await end_session(context, issued.session.id)
            return between - before, visits_of(runner) - between

    # begin, who and where, the session, its sign-in, the audit entry, commit; and begin, read, close, audit, commit
    assert runner.run(count()) == (6, 5)
