from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.directory.engine import open_engine, read_url
from gateway.directory.hashing import login_token_hash
from gateway.directory.store import Directory
from gateway.model.errors import DatabaseError, DirectoryError, OddQuestionError
from tests.support.builders.directory import (
    CHAT_TOKEN,
    CHAT_USER,
    PEPPERS,
    PROJECT_KEY,
    WACHT_SESSION,
    opened,
)


async def test_a_look_up_is_one_query_or_two(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/directory.db"
    async with opened(url):
        engine = open_engine(read_url(url))
        statements: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        directory = Directory(engine, read_url(url))
        assert await directory.key_by_hash(PEPPERS.every(PROJECT_KEY)) is not None
        assert len(statements) == 1
        assert await directory.session_by_id(WACHT_SESSION) is not None
        assert len(statements) == 3
        assert await directory.session_by_login(CHAT_USER, login_token_hash(CHAT_TOKEN)) is not None
        assert len(statements) == 5
        assert await directory.session_by_id("unknown") is None
        assert len(statements) == 6
        await directory.close()


async def test_faults_are_told_without_what_was_looked_up(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    directory = Directory.open(f"sqlite:///{tmp_path}/empty.db")
    queries = (
        directory.key_by_hash(["b1:hash-of-a-key"]),
        directory.session_by_id("id-of-a-session"),
        directory.session_by_login("id-of-a-user", "hash-of-a-token"),
        directory.rehash_key("b1:hash-of-a-key", "b1:hash-of-a-key"),
        directory.note_activity("id-of-a-session", datetime(2026, 1, 1, tzinfo=UTC)),
    )
    for query in queries:
        with pytest.raises(DirectoryError) as raised:
            await query
        assert str(raised.value) == (
            f"the directory cannot be asked: {tmp_path}/empty.db: "
            "a table or column is missing; run: gateway directory migrate -c FILE"
        )
        assert "-of-a-" not in f"{raised.value.__cause__}"
    await directory.close()


async def test_a_database_that_is_not_there_is_a_fault_of_ours_to_tell() -> None:
    directory = Directory.open("postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    where = "the database nothing at 127.0.0.1:1, as nobody"
    with pytest.raises(DatabaseError, match=f"cannot be asked: {where}: nobody listens there") as raised:
        await directory.session_by_id("s")
    assert "hunter2" not in f"{raised.value} {raised.value.__cause__}"
    await directory.close()


async def test_a_value_that_the_database_cannot_take_is_no_outage(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        with pytest.raises(OddQuestionError, match=r"cannot answer this: a value cannot be sent"):
            await directory.session_by_id("\ud800")
        assert await directory.session_by_id(WACHT_SESSION) is not None
