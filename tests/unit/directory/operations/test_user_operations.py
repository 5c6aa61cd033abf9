from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.directory.operations.paging import PageOrder
from gateway.directory.operations.user_operations import (
    NewUser,
    UserChange,
    UserFilter,
    change_user,
    create_user,
    delete_user,
    list_users,
    show_user,
)
from gateway.directory.store import Directory
from gateway.model.errors import ClashError, InvalidRecordError, MissingRecordError, OutdatedError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import MEMGHOST_SESSION, NOON, Changes, context_of, opened
from tests.support.fakes.audited import Audited

MEMGHOST_USER = "223e4567-e89b-12d3-a456-426614174001"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


async def test_a_user_is_created_shown_changed_and_deleted(directory: Directory) -> None:
    changes, audited = Changes(), Audited()
    context = context_of(directory, changes, audited)
    created = await create_user(context, NewUser(email="jane@example.com", roles=("admin",)))
    assert (created.email, created.roles, created.created_at) == ("jane@example.com", ("admin",), NOON)
    assert await show_user(context, created.id) == created
    changed = await change_user(context, created.id, UserChange(name="Jane", email=None), expected=created.version)
    assert (changed.name, changed.email, changed.roles) == ("Jane", None, ("admin",))
    assert await show_user(context, created.id) == changed
    await delete_user(context, created.id)
    with pytest.raises(MissingRecordError):
        await show_user(context, created.id)
    assert changes == [RevocationTarget(RevocationKind.USER, created.id)] * 2
    assert [detail for *_, detail in audited.summaries] == ["created", "changed", "deleted"]


async def test_an_outdated_change_is_refused_and_one_that_changes_nothing_is_not_told(directory: Directory) -> None:
    changes, audited = Changes(), Audited()
    context = context_of(directory, changes, audited)
    seen = await show_user(context, MEMGHOST_USER)
    await change_user(context, MEMGHOST_USER, UserChange(name="First"), expected=seen.version)
    with pytest.raises(OutdatedError, match="read it again"):
        await change_user(context, MEMGHOST_USER, UserChange(email="x@example.com"), expected=seen.version)
    with pytest.raises(OutdatedError):
        await delete_user(context, MEMGHOST_USER, expected=seen.version)
    await change_user(context, MEMGHOST_USER, UserChange(name="First"))
    assert len(changes) == len(audited.lines) == 1


async def test_what_cannot_be_is_refused_with_the_field(directory: Directory) -> None:
    context = context_of(directory)
    with pytest.raises(ClashError, match="another one has this id"):
        await create_user(context, NewUser(id=MEMGHOST_USER))
    with pytest.raises(InvalidRecordError, match=r"^id: "):
        await create_user(context, NewUser(id="with space"))
    with pytest.raises(InvalidRecordError, match=r"^id: "):
        await create_user(context, NewUser(id="line\n"))
    with pytest.raises(InvalidRecordError, match=r"^name: "):
        await change_user(context, MEMGHOST_USER, UserChange(name="a\0b"))
    with pytest.raises(MissingRecordError, match="there is no nobody in users"):
        await change_user(context, "nobody", UserChange(name="x"))


async def test_a_deleted_users_sessions_are_ended(directory: Directory) -> None:
    changes = Changes()
    await delete_user(context_of(directory, changes), MEMGHOST_USER)
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    assert stored is not None
    assert (stored.session.user, stored.session.closed_at) == (None, NOON)
    assert RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION) in changes.ended
    assert RevocationTarget(RevocationKind.USER, MEMGHOST_USER) in changes


async def test_users_are_listed_in_pages_and_by_filter(directory: Directory) -> None:
    context = context_of(directory)
    for number in range(5):
        await create_user(context, NewUser(id=f"new{number}", email=f"{number % 2}@example.com"))
    everybody = (await list_users(context, UserFilter())).rows
    paged, order = [], PageOrder(limit=2)
    while True:
        page = await list_users(context, UserFilter(), order)
        paged += page.rows
        if page.cursor is None:
            break
        order = PageOrder(page.cursor, 2)
    assert tuple(paged) == everybody
    odd = await list_users(context, UserFilter(email="1@example.com"))
    assert [user.id for user in odd.rows] == ["new1", "new3"]
    within = await list_users(context, UserFilter(organization="org_123456789"))
    assert within.rows
    assert not any(user.id.startswith("new") for user in within.rows)
    with pytest.raises(InvalidRecordError, match="cursor"):
        await list_users(context, UserFilter(), PageOrder("%"))
    with pytest.raises(InvalidRecordError, match="limit"):
        await list_users(context, UserFilter(), PageOrder(limit=0))
