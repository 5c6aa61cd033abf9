from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.issuing import (
    IssuedKey,
    NewKey,
    change_role,
    create_key,
    delete_key,
    expire_key,
    remove_organization,
)
from gateway.directory.store import Directory
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    NOW,
    PEPPERS,
    Changes,
    authority_of,
    key_credential,
    opened,
)

NOON = datetime.fromtimestamp(NOW, UTC)
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
    issued = await create_key(directory, PEPPERS, order, NOON)
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
    assert (session.api_key.id, session.api_key.name, session.api_key.auto_id) == (issued.id, "New", 7894)
    assert session.expires_at == NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"type": "project"}, "names its project"),
        ({"type": "organization", "project": PROJECT}, "names none"),
        ({"type": "user", "member": "nobody"}, "there is no nobody in members"),
        ({"type": "project", "project": "unknown"}, "no project unknown"),
        ({"type": "project", "project": PROJECT, "member": "member_456789123"}, "in the member's organization"),
    ],
)
async def test_a_key_that_cannot_be_made(directory: Directory, order: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DirectoryError, match=complaint):
        await create_key(directory, PEPPERS, NewKey(**{"name": "K", "member": JOHN, **order}), NOON)


async def made(directory: Directory) -> IssuedKey:
    return await create_key(directory, PEPPERS, NewKey(type="user", name="K", member=JOHN), NOON)


async def test_a_deleted_key_stays_deleted_since_then(directory: Directory) -> None:
    key, changes = await made(directory), Changes()
    await delete_key(directory, key.id, NOON, changes)
    await delete_key(directory, key.id, NOON + timedelta(days=1), changes)
    stored = await directory.key_by_hash(PEPPERS.every(key.key))
    assert stored is not None
    assert stored.session.api_key is not None
    assert stored.session.api_key.deleted_at == NOON
    assert set(changes) == {RevocationTarget(RevocationKind.API_KEY, key.id)}


async def test_a_key_is_given_an_end_and_freed_of_it(directory: Directory) -> None:
    key, changes, authority = await made(directory), Changes(), authority_of(directory)
    await expire_key(directory, key.id, NOON, NOON, changes)
    assert await authority.look_up(key_credential(key.key, "user")) == Rejected(Reason.EXPIRED)
    await expire_key(directory, key.id, None, NOON, changes)
    assert isinstance(await authority.look_up(key_credential(key.key, "user")), Found)
    assert changes == [RevocationTarget(RevocationKind.API_KEY, key.id)] * 2


async def test_what_is_not_there_cannot_be_changed_and_is_not_told_of(directory: Directory) -> None:
    changes = Changes()
    refused = (
        delete_key(directory, "nothing", NOON, changes),
        expire_key(directory, "nothing", NOON, NOON, changes),
        change_role(directory, "nothing", "admin", changes),
        remove_organization(directory, "nothing", NOON, changes),
    )
    for change in refused:
        with pytest.raises(DirectoryError, match="there is no nothing in"):
            await change
    assert changes == []
