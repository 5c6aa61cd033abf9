"""What every operation has in common."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from gateway.directory.hashing import login_token_hash
from gateway.directory.operations.audit_trail import AuditFilter, list_audit
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import PageOrder, cursor_after, key_of
from gateway.directory.operations.record_fields import checked
from gateway.directory.operations.record_table import version_of
from gateway.directory.operations.session_operations import create_session
from gateway.directory.operations.session_rows import NewSession, SessionChange
from gateway.directory.operations.transaction import changing
from gateway.directory.operations.user_operations import USERS, NewUser, UserChange, change_user, create_user
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, InvalidRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor
from tests.support.builders.directory import NOON, Changes, context_of, opened
from tests.support.fakes.audited import Audited

MEMGHOST_USER = "223e4567-e89b-12d3-a456-426614174001"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


async def test_after_a_fault_nothing_is_written_audited_or_told(directory: Directory) -> None:
    changes, audited = Changes(), Audited()
    context = context_of(directory, changes, audited)

    async def half_done() -> None:
        async with changing(context) as transaction:
            await transaction.insert(USERS, {"id": "half", "roles": []})
            transaction.tell(RevocationTarget(RevocationKind.USER, "half"))
            raise DirectoryError("something went wrong")

    with pytest.raises(DirectoryError, match="something went wrong"):
        await half_done()
    async with directory.reading() as connection:
        assert await USERS.find(connection, "half") is None
    assert (changes, audited.lines) == ([], [])


async def test_what_is_told_once_as_ended_stays_so(directory: Directory) -> None:
    changes, target = Changes(), RevocationTarget(RevocationKind.SESSION, "s")
    async with changing(context_of(directory, changes)) as transaction:
        transaction.tell(target, ended=True)
        transaction.tell(target)
    assert (changes, changes.ended) == ([target], {target})


async def test_a_change_is_audited_in_its_transaction_by_whom_and_from_what_to_what(directory: Directory) -> None:
    audited = Audited()
    actor = Actor("admin_port", "192.0.2.7", "req-1", user="admin_1", credential="api_key:ak_1")
    context = context_of(directory, audited=audited, actor=actor)
    user = await create_user(context, NewUser(id="jane", name="Jane"))
    await change_user(context, user.id, UserChange(name="Jane Doe"))
    newest, first = (await list_audit(context, AuditFilter(kind="user", id="jane"))).rows
    assert (newest.operation, newest.at, newest.number > first.number) == ("changed", NOON, True)
    assert (newest.by, newest.user, newest.credential) == ("admin_port", "admin_1", "api_key:ak_1")
    assert (newest.client, newest.request_id) == ("192.0.2.7", "req-1")
    assert newest.before is not None
    assert newest.after is not None
    assert (newest.before["name"], newest.after["name"]) == ("Jane", "Jane Doe")
    assert (first.before, first.operation) == (None, "created")
    line = audited.lines[-1]
    assert (line["before"], line["after"], line["user"]) == (newest.before, newest.after, "admin_1")


async def test_no_secret_stands_in_an_entry(directory: Directory) -> None:
    context = context_of(directory)
    issued = await create_session(context, NewSession(user=MEMGHOST_USER))
    assert issued.pair is not None
    entries = repr((await list_audit(context, AuditFilter())).rows)
    for secret in (issued.pair.token, login_token_hash(issued.pair.token), str(issued.cookie), str(issued.bearer)):
        assert secret not in entries


async def test_entries_are_listed_in_pages_by_what_is_wanted(directory: Directory) -> None:
    context = context_of(directory, actor=Actor("command", user="jane"))
    for number in range(5):
        await create_user(context, NewUser(id=f"u{number}"))
    page = await list_audit(context, AuditFilter(user="jane"), PageOrder(limit=3))
    assert [entry.id for entry in page.rows] == ["u4", "u3", "u2"]
    rest = await list_audit(context, AuditFilter(user="jane"), PageOrder(page.cursor, 3))
    assert ([entry.id for entry in rest.rows], rest.cursor) == (["u1", "u0"], None)
    assert [entry.id for entry in (await list_audit(context, AuditFilter(kind="user", id="u1"))).rows] == ["u1"]
    assert not (await list_audit(context, AuditFilter(user="jane", until=NOON))).rows
    assert len((await list_audit(context, AuditFilter(user="jane", since=NOON, operation="created"))).rows) == 5
    with pytest.raises(InvalidRecordError, match="cursor"):
        await list_audit(context, AuditFilter(), PageOrder(cursor_after("x")))


def test_a_directory_without_keys_says_what_it_cannot_do(directory: Directory) -> None:
    bare = OperationContext(
        directory=directory,
        now=NOON,
        actor=context_of(directory).actor,
        on_change=Changes(),
        audit=Audited().log,
    )
    with pytest.raises(DirectoryError, match="signs no tokens"):
        _ = bare.required_tokens
    with pytest.raises(DirectoryError, match="makes no keys"):
        _ = bare.required_peppers


@pytest.mark.parametrize("key", ["a", "user_1", "ü", "ab?>~", "x" * 255])
def test_a_cursor_leads_back_to_its_key(key: str) -> None:
    assert key_of(PageOrder(cursor_after(key))) == key


@pytest.mark.parametrize("cursor", ["%", "a", "_w", "ä"])
def test_another_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidRecordError, match="is not one of this list"):
        key_of(PageOrder(cursor))


def test_a_record_made_in_python_is_held_to_its_types() -> None:
    assert checked(NewUser(id="u", roles=("a",))) == NewUser(id="u", roles=("a",))
    with pytest.raises(InvalidRecordError, match=r"^roles\[0\]: "):
        checked(NewUser(roles=("a\0",)))
    with pytest.raises(InvalidRecordError, match=r"^expires_at: "):
        checked(SessionChange(expires_at=datetime(2030, 1, 1)))  # noqa: DTZ001 - an instant without a zone is none


def test_a_version_stands_for_a_state_and_not_for_activity() -> None:
    row = {"id": "s", "state": "active", "last_activity_at": None, "hash": "a"}
    assert version_of(row) == version_of({**row, "last_activity_at": NOON, "hash": "b"})
    assert version_of(row) != version_of({**row, "state": "closed"})


def test_the_rows_of_operations_are_json() -> None:
    row = USERS.row_of(dict.fromkeys((column.name for column in USERS.table.columns), None) | {"id": "u", "roles": []})
    assert set(msgspec.json.decode(msgspec.json.encode(row))) == {"id", "version"}
