from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select

from gateway.directory.engine import open_engine
from gateway.directory.hashing import login_token_hash
from gateway.directory.store import Directory
from gateway.directory.tables import api_keys, sessions
from gateway.model.errors import DirectoryError, OddQuestionError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CHAT_SESSION,
    CHAT_TOKEN,
    CHAT_USER,
    CLOSED_CHAT_SESSION,
    MEMGHOST_SESSION,
    PEPPERS,
    PROJECT_KEY,
    WACHT_SESSION,
    opened,
)


async def test_a_look_up_is_one_query_or_two(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/directory.db"
    async with opened(url):
        engine = open_engine(url)
        statements: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        directory = Directory(engine)
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
        assert str(raised.value) == "the directory cannot be asked: OperationalError"
        assert "-of-a-" not in f"{raised.value.__cause__}"
    await directory.close()


async def test_a_database_that_is_not_there_is_a_fault_of_ours_to_tell() -> None:
    directory = Directory.open("postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    with pytest.raises(DirectoryError, match="cannot be asked") as raised:
        await directory.session_by_id("s")
    assert "hunter2" not in f"{raised.value} {raised.value.__cause__}"
    await directory.close()


async def test_a_value_that_the_database_cannot_take_is_no_outage(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        with pytest.raises(OddQuestionError, match=r"cannot answer this: UnicodeEncodeError$"):
            await directory.session_by_id("\ud800")
        assert await directory.session_by_id(WACHT_SESSION) is not None


NOW = datetime(2030, 1, 1, tzinfo=UTC)
MEMBER = "550e8400-e29b-41d4-a716-446655440002"
KEY = "550e8400-e29b-41d4-a716-446655440003"


async def ended_now(directory: Directory) -> set[str]:
    """Return the sessions and keys whose rows say that they were ended at NOW."""
    async with directory.reading() as connection:
        closed = await connection.scalars(select(sessions.c.id).where(sessions.c.closed_at == NOW))
        deleted = await connection.scalars(select(api_keys.c.id).where(api_keys.c.deleted_at == NOW))
        return {*closed, *deleted}


@pytest.mark.parametrize(
    ("kind", "id_", "expected"),
    [
        (RevocationKind.SESSION, MEMGHOST_SESSION, {MEMGHOST_SESSION}),
        (RevocationKind.SESSION, CLOSED_CHAT_SESSION, set()),
        (RevocationKind.SESSION, "nobody's", set()),
        (RevocationKind.SESSION, KEY, set()),
        (RevocationKind.API_KEY, KEY, {KEY}),
        (RevocationKind.USER, CHAT_USER, {CHAT_SESSION}),
        (RevocationKind.CREDENTIAL, "00" * 16, set()),
    ],
)
async def test_what_is_revoked_is_ended_in_its_rows_and_nothing_else(
    tmp_path: Path, kind: RevocationKind, id_: str, expected: set[str]
) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        assert await directory.mark_ended(RevocationTarget(kind, id_), NOW) == len(expected)
        assert await ended_now(directory) == expected


async def test_a_members_id_ends_its_keys_since_upstreams_know_it_as_the_user(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        assert await directory.mark_ended(RevocationTarget(RevocationKind.USER, MEMBER), NOW) == 3
        assert await ended_now(directory) == {KEY, KEY.replace("003", "004"), KEY.replace("003", "005")}


async def test_an_organizations_sessions_and_keys_end_with_it(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        await directory.mark_ended(RevocationTarget(RevocationKind.ORGANIZATION, "org_abc123xyz456"), NOW)
        found = await ended_now(directory)
        assert KEY in found
        assert MEMGHOST_SESSION not in found
        await directory.mark_ended(RevocationTarget(RevocationKind.ORGANIZATION, "org_123456789"), NOW)
        assert WACHT_SESSION in await ended_now(directory)


async def test_to_revoke_again_keeps_the_first_instant(tmp_path: Path) -> None:
    later = NOW.replace(year=2031)
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        await directory.mark_ended(RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION), NOW)
        assert await directory.mark_ended(RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION), later) == 0
        assert await ended_now(directory) == {MEMGHOST_SESSION}
