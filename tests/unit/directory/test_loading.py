from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.directory.hashing import Peppers
from gateway.directory.loading import LoadOptions, load_records
from gateway.directory.operations.audit_trail import AuditFilter, list_audit
from gateway.directory.operations.project_operations import show_project
from gateway.directory.operations.session_operations import show_session
from gateway.directory.operations.user_operations import show_user
from gateway.directory.store import Directory
from gateway.model.errors import MissingRecordError, RecordsError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CHAT_SESSION,
    CHAT_USER,
    DEMO_RECORDS,
    MEMGHOST_SESSION,
    PEPPERS,
    PROJECT_KEY,
    WACHT_SESSION,
    Changes,
    context_of,
    load_text,
    opened,
)

PAST = "2026-01-01T00:00:00Z"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


async def test_every_dangling_reference_is_told_and_nothing_is_written(directory: Directory, tmp_path: Path) -> None:
    text = f"""\
users: [{{id: fresh}}]
members: [{{id: m, organization: nowhere, user: fresh}}]
sessions:
  - id: s
    user: nobody
    signins: [{{id: i, user: somebody, created_at: {PAST}}}]
"""
    with pytest.raises(RecordsError) as raised:
        await load_text(directory, tmp_path, text)
    assert [str(problem).partition("records.yaml:")[2] for problem in raised.value.problems] == [
        "2:19: members[0].organization: there is no such row in organizations",
        "5:5: sessions[0].user: there is no such row in users",
        "6:23: sessions[0].signins[0].user: there is no such row in users",
    ]
    assert await directory.session_by_id("s") is None


async def test_a_file_may_refer_to_what_was_loaded_before(directory: Directory, tmp_path: Path) -> None:
    loaded = await load_text(directory, tmp_path, f"sessions: [{{id: s, user: {CHAT_USER}}}]")
    assert loaded.rows["sessions"] == 1
    assert loaded.changed == ()
    assert await directory.session_by_id("s") is not None


async def test_nothing_reaches_into_another_organization(directory: Directory, tmp_path: Path) -> None:
    text = f"""\
api_keys:
  - id: k
    auto_id: 1
    type: project
    name: K
    key: sk_live_0123456789
    project: 550e8400-e29b-41d4-a716-446655440000
    member: member_456789123
    created_at: {PAST}
    updated_at: {PAST}
sessions:
  - {{id: s, user: {CHAT_USER}, organization: org_123456789}}
  - {{id: t, user: user_456789123, organization: org_123456789, workspace: theirs}}
workspaces:
  - {{id: theirs, organization: org_abc123xyz456}}
"""
    with pytest.raises(RecordsError) as raised:
        await load_text(directory, tmp_path, text)
    assert [str(problem).partition("records.yaml:")[2] for problem in raised.value.problems] == [
        "7:5: api_keys[0].project: is of another organization than the member",
        "12:38: sessions[0].organization: the user is no member of it",
        "13:64: sessions[1].workspace: is of another organization than the session",
    ]


async def test_a_sign_in_of_another_session_is_not_taken_over(directory: Directory, tmp_path: Path) -> None:
    text = f"sessions: [{{id: s, user: {CHAT_USER}, signins: [{{id: signin_987654321, created_at: {PAST}}}]}}]"
    with pytest.raises(RecordsError, match="another row of signins"):
        await load_text(directory, tmp_path, text)
    stored = await directory.session_by_id(WACHT_SESSION)
    assert stored is not None
    assert len(stored.session.signins) == 1


async def test_sign_ins_are_those_of_the_file(directory: Directory, tmp_path: Path) -> None:
    changes = Changes()
    text = f"""
sessions:
  - id: {WACHT_SESSION}
    user: user_456789123
    organization: org_123456789
    signins: [{{id: another, created_at: {PAST}}}]
"""
    await load_text(directory, tmp_path, text, changes)
    stored = await directory.session_by_id(WACHT_SESSION)
    assert stored is not None
    assert [signin.id for signin in stored.session.signins] == ["another"]
    assert changes == [RevocationTarget(RevocationKind.SESSION, WACHT_SESSION)]


async def test_a_new_pepper_is_taken_up_by_the_next_import(directory: Directory) -> None:
    renewed = Peppers([b"new pepper", b"a pepper for tests"])
    await load_records(directory, renewed, DEMO_RECORDS, Changes())
    stored = await directory.key_by_hash(renewed.every(PROJECT_KEY))
    assert stored is not None
    assert stored.hash == renewed.hash(PROJECT_KEY)
    assert await directory.key_by_hash(PEPPERS.every(PROJECT_KEY)) is None


@pytest.mark.slow
async def test_many_rows_at_once(directory: Directory, tmp_path: Path) -> None:
    users = "\n".join(f"  - {{id: user-{number}}}" for number in range(1500))
    sessions = "\n".join(f"  - {{id: session-{number}, user: user-{number}}}" for number in range(1500))
    text = f"users:\n{users}\nsessions:\n{sessions}\n"
    loaded = await load_text(directory, tmp_path, text)
    assert loaded.rows["sessions"] == 1500
    again = await load_text(directory, tmp_path, text)
    assert again.changed == ()
    assert await directory.session_by_id("session-1499") is not None


async def test_nothing_is_told_of_an_import_that_failed(directory: Directory, tmp_path: Path) -> None:
    changes = Changes()
    text = f"sessions: [{{id: {MEMGHOST_SESSION}, user: {CHAT_USER}, closed_at: {PAST}}}, {{id: s, user: nobody}}]"
    with pytest.raises(RecordsError):
        await load_text(directory, tmp_path, text, changes)
    assert changes == []
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    assert stored is not None
    assert stored.session.closed_at is None


async def test_a_load_changes_the_fields_that_a_record_names_and_no_others(
    directory: Directory, tmp_path: Path
) -> None:
    changes, context = Changes(), context_of(directory)
    before = await show_user(context, CHAT_USER)
    session = await show_session(context, CHAT_SESSION)
    text = f"""
users: [{{id: {CHAT_USER}, name: New Name}}]
sessions: [{{id: {CHAT_SESSION}, user: {CHAT_USER}, device: {{os_name: Plan 9}}}}]
"""
    loaded = await load_text(directory, tmp_path, text, changes)
    after = await show_user(context, CHAT_USER)
    assert msgspec.structs.replace(after, name=before.name, version="") == msgspec.structs.replace(before, version="")
    changed = await show_session(context, CHAT_SESSION)
    assert changed.device is not None
    assert session.device is not None
    assert changed.device == msgspec.structs.replace(session.device, os_name="Plan 9")
    assert (changed.organization, changed.active_signin) == (session.organization, session.active_signin)
    assert [(row.operation, row.noun, row.id) for row in loaded.differences] == [
        ("changed", "user", CHAT_USER),
        ("changed", "session", CHAT_SESSION),
    ]
    entries = (await list_audit(context, AuditFilter(id=CHAT_USER, operation="changed"))).rows
    assert [(entry.before or {}).get("name") for entry in entries] == [before.name]


async def test_replace_empties_what_a_record_does_not_name(directory: Directory, tmp_path: Path) -> None:
    path = tmp_path / "records.yaml"
    path.write_text(f"users: [{{id: {CHAT_USER}, name: New Name}}]")
    await load_records(directory, PEPPERS, path, Changes(), LoadOptions(replace=True))
    after = await show_user(context_of(directory), CHAT_USER)
    assert (after.name, after.username, after.roles) == ("New Name", None, ())


async def test_a_dry_run_tells_everything_and_changes_nothing(directory: Directory, tmp_path: Path) -> None:
    changes, context = Changes(), context_of(directory)
    path = tmp_path / "records.yaml"
    path.write_text(f"""
users: [{{id: fresh}}, {{id: {CHAT_USER}, name: New Name}}]
sessions: [{{id: {WACHT_SESSION}, user: user_456789123, signins: []}}]
""")
    loaded = await load_records(directory, PEPPERS, path, changes, LoadOptions(dry_run=True))
    assert [(row.operation, row.noun) for row in loaded.differences] == [
        ("created", "user"),
        ("changed", "user"),
        ("deleted", "signin"),
    ]
    assert changes == []
    assert (await show_user(context, CHAT_USER)).name != "New Name"
    with pytest.raises(MissingRecordError):
        await show_user(context, "fresh")


async def test_what_only_one_products_document_shows_has_defaults(directory: Directory, tmp_path: Path) -> None:
    text = """
organizations: [{id: acme, name: Acme}]
members: [{id: m, organization: acme}]
projects: [{id: shop, organization: acme}, {id: blog, organization: acme}]
api_keys: [{id: k, type: project, member: m, project: shop, key: sk_live_0123456789abcdef}]
"""
    await load_text(directory, tmp_path, text)
    context = context_of(directory)
    shop, blog = await show_project(context, "shop"), await show_project(context, "blog")
    assert (shop.name, shop.nano_id, shop.auto_id + 1) == ("shop", "shop", blog.auto_id)
    again = await load_text(directory, tmp_path, text)
    assert again.differences == ()
