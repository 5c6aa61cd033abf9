"""What every database behind the directory does alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, inspect, text

from gateway.directory import migrating
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.operations.api_key_operations import create_key, delete_key
from gateway.directory.operations.api_key_rows import NewKey
from gateway.directory.operations.audit_trail import AuditFilter, list_audit
from gateway.directory.operations.member_operations import MemberChange, change_member
from gateway.directory.operations.organization_operations import delete_organization
from gateway.directory.operations.session_operations import end_session
from gateway.directory.operations.user_operations import (
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    show_user,
)
from gateway.directory.schema import current, require_current
from gateway.directory.store import Directory
from gateway.directory.tables import METADATA, organizations, projects, users
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.credential import CredentialKind
from gateway.model.errors import ClashError, DirectoryError, OutdatedError, RecordsError, SchemaError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CHAT_TOKEN,
    CHAT_USER,
    CLOSED_CHAT_SESSION,
    DEMO_RECORDS,
    MEMBER_KEY,
    MEMGHOST_SESSION,
    NOW,
    PEPPERS,
    PROJECT_KEY,
    WACHT_SESSION,
    Changes,
    authority_of,
    context_of,
    credential_of,
    key_credential,
    load_text,
    opened,
)
from tests.support.servers.directory_databases import DATABASES, empty

NOON = datetime.fromtimestamp(NOW, UTC)
JANE = "550e8400-e29b-41d4-a716-446655440012"


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return await empty(request.param, tmp_path)


@pytest.fixture
async def directory(url: str) -> AsyncIterator[Directory]:
    async with opened(url) as directory:
        yield directory


async def test_migrations_lead_to_the_tables(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    async with opened(url, demo=False) as directory, directory.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_lead_back_and_forth(url: str) -> None:
    def downgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrating.__file__).with_name("migrations")))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with opened(url) as directory:
        async with directory.changing() as connection:
            await connection.run_sync(downgrade)
        async with directory.reading() as connection:
            left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert left == ["alembic_version"]
    async with opened(url) as directory:
        assert await current(directory) == "0007"
        assert await directory.session_by_id(WACHT_SESSION) is not None


async def test_an_empty_database_is_told_from_a_current_one(url: str, tmp_path: Path) -> None:
    (tmp_path / "directory.db").touch()
    directory = Directory.open(url)
    with pytest.raises(SchemaError, match="gateway directory migrate -c FILE"):
        await require_current(directory)
    await migrate(url)
    await migrate(url)
    await require_current(directory)
    assert await current(directory) == "0007"
    await directory.close()


@pytest.mark.parametrize(("revision", "text_"), [("0000", "gateway directory migrate"), ("9999", "newer")])
async def test_another_schema_is_refused(directory: Directory, revision: str, text_: str) -> None:
    async with directory.changing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    with pytest.raises(SchemaError, match=text_):
        await require_current(directory)


async def test_the_same_records_again_change_nothing(directory: Directory) -> None:
    before = await directory.session_by_id(WACHT_SESSION)
    changes = Changes()
    loaded = await load_records(directory, PEPPERS, DEMO_RECORDS, changes)
    assert loaded.rows["api_keys"] == 4
    assert changes == []
    assert await directory.session_by_id(WACHT_SESSION) == before


async def test_a_records_file_is_imported_whole_or_not_at_all(directory: Directory, tmp_path: Path) -> None:
    # The last row clashes with one that is there, after all others have been written.
    clashing = """
users: [{id: new_user}]
projects:
  - {id: p2, auto_id: 12345, nano_id: proj_2, organization: org_abc123xyz456, name: P, email: p@example.com,
     created_at: 2024-01-01T00:00:00Z, updated_at: 2024-01-01T00:00:00Z}
sessions: [{id: new_session, user: new_user}]
"""
    changes = Changes()
    with pytest.raises(RecordsError, match="projects: another row of projects"):
        await load_text(directory, tmp_path, clashing, changes)
    assert changes == []
    assert await directory.session_by_id("new_session") is None
    async with directory.reading() as connection:
        assert (await connection.execute(users.select().where(users.c.id == "new_user"))).first() is None


async def test_changed_rows_are_told_after_the_commit(directory: Directory, tmp_path: Path) -> None:
    seen: list[tuple[RevocationTarget, object]] = []

    async def on_change(target: RevocationTarget, *, ended: bool = False) -> None:
        stored = await directory.session_by_id(MEMGHOST_SESSION)
        assert stored is not None
        seen.append((target, stored.session.closed_at))
        assert not ended

    path = tmp_path / "records.yaml"
    path.write_text(
        f"sessions: [{{id: {MEMGHOST_SESSION}, user: 223e4567-e89b-12d3-a456-426614174001,"
        " closed_at: 2025-01-01T00:00:00Z}]"
    )
    await load_records(directory, PEPPERS, path, on_change)
    assert seen == [(RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION), datetime(2025, 1, 1, tzinfo=UTC))]


async def test_activity_is_noted_and_never_goes_back(directory: Directory) -> None:
    await directory.note_activity(MEMGHOST_SESSION, NOON)
    await directory.note_activity(MEMGHOST_SESSION, NOON - timedelta(hours=1))
    await load_records(directory, PEPPERS, DEMO_RECORDS, Changes())
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    assert stored is not None
    assert stored.session.last_activity_at == NOON


async def test_instants_keep_their_microseconds(directory: Directory) -> None:
    exact = NOON + timedelta(microseconds=1)
    await directory.note_activity(MEMGHOST_SESSION, exact)
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    assert stored is not None
    assert stored.session.last_activity_at == exact


async def test_a_key_made_is_a_key_known_and_a_key_deleted_is_revoked(directory: Directory) -> None:
    authority, changes = authority_of(directory), Changes()
    order = NewKey(type="project", name="New", member=JANE, project="proj_abc123xyz456", scopes=("read",))
    issued = await create_key(context_of(directory), order)
    answer = await authority.look_up(key_credential(issued.key))
    assert isinstance(answer, Found)
    assert answer.session.scopes == ("read",)
    await delete_key(context_of(directory, changes), issued.api_key.id)
    assert changes == [RevocationTarget(RevocationKind.API_KEY, issued.api_key.id)]
    assert await authority.look_up(key_credential(issued.key)) == Rejected(Reason.REVOKED)


async def test_many_keys_made_at_once_are_all_told_apart(directory: Directory) -> None:
    order = NewKey(type="organization", name="Key", member=JANE)

    async def make() -> str | None:
        try:
            return (await create_key(context_of(directory), order)).key
        except DirectoryError:
            return None  # refused, as another was made at the same moment

    made = [key for key in await asyncio.gather(*(make() for _ in range(5))) if key is not None]
    authority = authority_of(directory)
    found = [await authority.look_up(key_credential(key, "organization")) for key in made]
    numbers = {
        answer.session.api_key.auto_id for answer in found if isinstance(answer, Found) and answer.session.api_key
    }
    assert made
    assert len(numbers) == len(made)


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET kind = 'none'", "DELETE FROM audit_entries"])
async def test_an_audit_entry_cannot_be_changed(directory: Directory, statement: str) -> None:
    context = context_of(directory)
    await create_user(context, NewUser(id="jane"))
    with pytest.raises(DirectoryError):
        async with directory.changing() as connection:
            await connection.execute(text(statement))
    (entry,) = (await list_audit(context, AuditFilter(id="jane"))).rows
    assert (entry.kind, entry.id) == ("user", "jane")


async def test_of_two_changes_at_once_neither_is_lost_and_an_outdated_one_is_refused(directory: Directory) -> None:
    context = context_of(directory)
    user = await create_user(context, NewUser(id="jane"))
    await asyncio.gather(
        change_user(context, "jane", UserChange(name="Jane")),
        change_user(context, "jane", UserChange(email="jane@example.com")),
    )
    both = await show_user(context, "jane")
    assert (both.name, both.email) == ("Jane", "jane@example.com")
    outcomes = await asyncio.gather(
        *(change_user(context, "jane", UserChange(name=name), both.version) for name in ("A", "B", "C")),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, OutdatedError) for outcome in outcomes) == 2
    with pytest.raises(OutdatedError):
        await delete_user(context, "jane", user.version)


async def test_of_many_users_of_one_id_one_is_made(directory: Directory) -> None:
    context = context_of(directory)
    outcomes = await asyncio.gather(
        *(create_user(context, NewUser(id="jane")) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, ClashError) for outcome in outcomes) == 4


async def test_an_ended_session_is_revoked_by_whatever_shows_it(directory: Directory) -> None:
    authority, changes = authority_of(directory), Changes()
    stored = await directory.session_by_id(WACHT_SESSION)
    assert stored is not None
    assert authority.tokens is not None
    cookie = credential_of(CredentialKind.COOKIE, authority.tokens.issue_cookie(stored.session))
    assert isinstance(await authority.look_up(cookie), Found)
    await end_session(context_of(directory, changes), WACHT_SESSION)
    assert await authority.look_up(cookie) == Rejected(Reason.REVOKED)
    assert changes == [RevocationTarget(RevocationKind.SESSION, WACHT_SESSION)]


async def test_a_login_token_finds_the_live_session_before_an_ended_one(directory: Directory, tmp_path: Path) -> None:
    twins = f"""
sessions:
  - id: older
    user: {CHAT_USER}
    login: {{at: 2026-01-01T00:00:00Z, token: {CHAT_TOKEN}}}
    closed_at: 2026-01-02T00:00:00Z
"""
    await load_text(directory, tmp_path, twins)
    answer = await authority_of(directory).look_up(credential_of(CredentialKind.TOKEN_PAIR, CHAT_USER, CHAT_TOKEN))
    assert isinstance(answer, Found)
    assert answer.session.id == "rBk3bZ8vJ2sQeT5wX"


async def test_a_role_that_was_taken_away_is_gone_at_the_next_look_up(directory: Directory) -> None:
    changes = Changes()
    john = "550e8400-e29b-41d4-a716-446655440002"
    await change_member(context_of(directory, changes), john, MemberChange(role="viewer"))
    answer = await authority_of(directory).look_up(key_credential(PROJECT_KEY))
    assert isinstance(answer, Found)
    assert answer.session.member is not None
    assert answer.session.member.role == "viewer"
    assert changes == [RevocationTarget(RevocationKind.USER, john)]


async def test_what_a_removed_organization_leaves_behind_is_refused(directory: Directory) -> None:
    authority, changes = authority_of(directory), Changes()
    stored = await directory.session_by_id(WACHT_SESSION)
    assert stored is not None
    assert authority.tokens is not None
    cookie = credential_of(CredentialKind.COOKIE, authority.tokens.issue_cookie(stored.session))
    await delete_organization(context_of(directory, changes), "org_123456789")
    await delete_organization(context_of(directory, changes), "org_abc123xyz456")
    assert await authority.look_up(cookie) == Rejected(Reason.REVOKED)
    assert await authority.look_up(key_credential(PROJECT_KEY)) == Rejected(Reason.GONE)
    assert RevocationTarget(RevocationKind.ORGANIZATION, "org_abc123xyz456") in changes
    assert RevocationTarget(RevocationKind.SESSION, WACHT_SESSION) in changes


@pytest.mark.parametrize("table", [organizations, projects])
async def test_a_key_whose_row_outlived_what_it_opens_is_gone(directory: Directory, table: object) -> None:
    async with directory.changing() as connection:
        await connection.execute(delete(table))  # type: ignore[arg-type]
    assert await authority_of(directory).look_up(key_credential(MEMBER_KEY)) == Rejected(Reason.GONE)


async def test_a_session_whose_user_is_gone_is_gone(directory: Directory) -> None:
    authority = authority_of(directory)
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    assert stored is not None
    assert authority.tokens is not None
    token = credential_of(CredentialKind.BEARER, authority.tokens.issue_access(stored.session))
    async with directory.changing() as connection:
        await connection.execute(delete(users))
    assert await authority.look_up(token) == Rejected(Reason.GONE)


async def test_no_credential_lies_in_the_database_as_it_is_shown(directory: Directory) -> None:
    async with directory.reading() as connection:
        dump = [repr(row) for table in METADATA.sorted_tables for row in await connection.execute(table.select())]
    assert not [row for row in dump if PROJECT_KEY in row or CHAT_TOKEN in row or MEMBER_KEY in row]
    assert [row for row in dump if CLOSED_CHAT_SESSION in row]


async def test_what_goes_wrong_in_a_change_undoes_it_whole(directory: Directory) -> None:
    async def half_done() -> None:
        async with directory.changing() as connection:
            await connection.execute(delete(users))
            raise DirectoryError("something else went wrong")

    with pytest.raises(DirectoryError, match="something else"):
        await half_done()
    assert await directory.session_by_login(CHAT_USER, "sJo7nA9QsLMaiYSPeYzD711BhtyAq+3KbxPSQbMkyO4=") is not None
