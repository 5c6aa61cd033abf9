from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.operations.api_key_operations import (
    change_key,
    create_key,
    delete_key,
    find_key,
    list_keys,
    rotate_key,
)
from gateway.directory.operations.api_key_rows import IssuedKey, KeyChange, KeyFilter, NewKey
from gateway.directory.operations.organization_operations import delete_organization
from gateway.directory.operations.project_operations import delete_project
from gateway.directory.store import Directory
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.errors import InvalidRecordError, MissingRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    NOON,
    PROJECT_KEY,
    Changes,
    authority_of,
    context_of,
    key_credential,
    opened,
)

pytestmark = pytest.mark.slow

JOHN = "550e8400-e29b-41d4-a716-446655440002"
PROJECT = "550e8400-e29b-41d4-a716-446655440000"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


@pytest.mark.parametrize(
    ("key_type", "project", "beginning"),
    [
        ("project", PROJECT, "sk_live_"),
        ("project", "proj_abc123xyz456", "sk_live_"),
        ("user", None, "uk_live_"),
        ("user", PROJECT, "uk_live_"),
        ("organization", None, "ok_live_"),
    ],
)
async def test_a_new_key_opens_what_it_was_made_for(
    directory: Directory, key_type: Any, project: str | None, beginning: str
) -> None:
    order = NewKey(type=key_type, name="New", member=JOHN, project=project, expires_at=NOON + timedelta(days=1))
    issued = await create_key(context_of(directory), order)
    assert issued.key.startswith(beginning)
    assert len(issued.key) > 50
    assert issued.key not in repr(issued)
    answer = await authority_of(directory).look_up(key_credential(issued.key, key_type))
    assert isinstance(answer, Found)
    session = answer.session
    assert session.organization is not None
    assert session.organization.id == "org_abc123xyz456"
    assert (session.project is not None) == (project is not None)
    assert session.api_key is not None
    assert (session.api_key.id, session.api_key.name, session.api_key.auto_id) == (issued.api_key.id, "New", 7894)
    assert session.expires_at == NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"type": "project"}, "names one"),
        ({"type": "organization", "project": PROJECT}, "none"),
        ({"type": "project", "project": "unknown"}, "no unknown in the member's organization"),
        ({"type": "project", "project": PROJECT, "member": "member_456789123"}, "in the member's organization"),
    ],
)
async def test_a_key_that_cannot_be_made(directory: Directory, order: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidRecordError, match=complaint):
        await create_key(context_of(directory), NewKey(**{"name": "K", "member": JOHN, **order}))


async def made(directory: Directory) -> IssuedKey:
    return await create_key(context_of(directory), NewKey(type="user", name="K", member=JOHN))


async def test_a_deleted_key_stays_deleted_since_then(directory: Directory) -> None:
    key, changes = await made(directory), Changes()
    first = await delete_key(context_of(directory, changes), key.api_key.id)
    assert await delete_key(context_of(directory, changes), key.api_key.id) == first
    assert first.deleted_at == NOON
    assert changes.ended == {RevocationTarget(RevocationKind.API_KEY, key.api_key.id)}
    assert await authority_of(directory).look_up(key_credential(key.key, "user")) == Rejected(Reason.REVOKED)


async def test_a_key_is_given_an_end_and_freed_of_it(directory: Directory) -> None:
    key, context, authority = await made(directory), context_of(directory), authority_of(directory)
    await change_key(context, key.api_key.id, KeyChange(expires_at=NOON))
    assert await authority.look_up(key_credential(key.key, "user")) == Rejected(Reason.EXPIRED)
    await change_key(context, key.api_key.id, KeyChange(expires_at=None))
    assert isinstance(await authority.look_up(key_credential(key.key, "user")), Found)


async def test_a_rotated_key_and_its_successor_are_both_good_for_the_overlap(directory: Directory) -> None:
    key, context, authority = await made(directory), context_of(directory), authority_of(directory)
    successor = await rotate_key(context, key.api_key.id, 86400.0)
    for each in (key, successor):
        assert isinstance(await authority.look_up(key_credential(each.key, "user")), Found)
    assert (successor.api_key.member, successor.api_key.type, successor.api_key.expires_at) == (JOHN, "user", None)
    old = await find_key(context, key.api_key.id)
    assert old.expires_at == NOON + timedelta(days=1)
    await rotate_key(context, key.api_key.id, 0)
    assert await authority.look_up(key_credential(key.key, "user")) == Rejected(Reason.EXPIRED)
    with pytest.raises(InvalidRecordError, match="no longer good"):
        await rotate_key(context, key.api_key.id, 60)


async def test_a_key_is_found_by_what_is_visible_of_it(directory: Directory) -> None:
    context = context_of(directory)
    key = await made(directory)
    assert await find_key(context, key.api_key.id) == key.api_key
    assert await find_key(context, key.key) == key.api_key
    assert await find_key(context, key.api_key.prefix) == key.api_key
    assert await find_key(context, f"{key.api_key.prefix}...") == key.api_key
    assert (await find_key(context, PROJECT_KEY)).prefix == "sk_liv"
    with pytest.raises(InvalidRecordError, match=r"several keys begin with uk: [^,]*, [^,]*; name one by its id"):
        await find_key(context, "uk")
    for nothing in ("nothing", "", "%", "_"):
        with pytest.raises(MissingRecordError):
            await find_key(context, nothing)


async def test_a_live_key_is_found_before_deleted_ones(directory: Directory) -> None:
    context = context_of(directory)

    async def alike(ending: str) -> IssuedKey:
        return await create_key(context, NewKey(type="user", member=JOHN), lambda _: f"same{ending * 60}")

    first, second = await alike("a"), await alike("b")
    with pytest.raises(InvalidRecordError, match="several keys"):
        await find_key(context, "uk_live_same")
    await delete_key(context, first.api_key.id)
    assert await find_key(context, "uk_live_same") == second.api_key


async def test_keys_are_listed_by_whether_they_live(directory: Directory) -> None:
    context, key = context_of(directory), await made(directory)
    assert key.api_key in (await list_keys(context, KeyFilter(member=JOHN, live=True))).rows
    await delete_key(context, key.api_key.id)
    assert key.api_key.id not in {row.id for row in (await list_keys(context, KeyFilter(live=True))).rows}
    assert key.api_key.id in {row.id for row in (await list_keys(context, KeyFilter(live=False))).rows}


async def test_a_deleted_project_leaves_no_key_that_opens_more_than_before(directory: Directory) -> None:
    changes, authority = Changes(), authority_of(directory)
    narrowed = await create_key(context_of(directory), NewKey(type="user", member=JOHN, project=PROJECT))
    await delete_project(context_of(directory, changes), PROJECT)
    assert await authority.look_up(key_credential(narrowed.key, "user")) == Rejected(Reason.REVOKED)
    assert await authority.look_up(key_credential(PROJECT_KEY)) == Rejected(Reason.GONE)
    assert RevocationTarget(RevocationKind.API_KEY, narrowed.api_key.id) in changes.ended


async def test_an_organizations_keys_are_gone_with_it(directory: Directory) -> None:
    changes = Changes()
    await delete_organization(context_of(directory, changes), "org_abc123xyz456")
    assert await authority_of(directory).look_up(key_credential(PROJECT_KEY)) == Rejected(Reason.GONE)
    assert RevocationTarget(RevocationKind.ORGANIZATION, "org_abc123xyz456") in changes
