from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.directory.operations.password_operations import (
    StoredPassword,
    is_set_still,
    keep_rehashed,
    password_of,
    set_password,
)
from gateway.directory.operations.session_operations import create_session, show_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.store import Directory
from gateway.model.errors import MissingRecordError
from tests.support.builders.directory import context_of, opened


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        yield directory


async def test_a_password_is_set_found_rehashed_and_removed(directory: Directory) -> None:
    context = context_of(directory)
    user = await create_user(context, NewUser(username="joe", email="joe@example.com"))
    with pytest.raises(MissingRecordError):
        await set_password(context, "nobody", "h")
    await set_password(context, user.id, "h1")
    stored = await password_of(context, "joe")
    assert stored == await password_of(context, "joe@example.com") == StoredPassword(user.id, "h1", context.now)
    assert "h1" not in repr(stored)
    assert stored is not None
    await keep_rehashed(context, stored, "h2")
    await keep_rehashed(context, stored, "h3")
    assert await password_of(context, "joe") == StoredPassword(user.id, "h2", context.now)
    assert await is_set_still(context, stored)
    await set_password(msgspec.structs.replace(context, now=context.now + timedelta(seconds=1)), user.id, "h2")
    assert not await is_set_still(context, stored)
    await set_password(context, user.id, None)
    assert not await is_set_still(context, stored)
    assert await password_of(context, "joe") is None


async def test_of_two_with_one_address_neither_signs_in_by_it(directory: Directory) -> None:
    context = context_of(directory)
    for name in ("a", "b"):
        user = await create_user(context, NewUser(username=name, email="same@example.com"))
        await set_password(context, user.id, "h")
    assert await password_of(context, "same@example.com") is None
    assert await password_of(context, "a") is not None


async def test_a_name_has_no_other_spelling_but_small_letters(directory: Directory) -> None:
    context = context_of(directory)
    for user_id, name in (("1", "joe"), ("2", "Joe"), ("3", "ann")):
        await create_user(context, NewUser(id=user_id, username=name, email=f"{user_id}@example.com"))
        await set_password(context, user_id, "h")

    async def whose(login: str) -> str | None:
        stored = await password_of(context, login)
        return None if stored is None else stored.user_id

    assert [await whose(login) for login in ("joe", "Joe", "JOE", "Ann", "3@EXAMPLE.com")] == ["1", "2", "1", "3", "3"]
    for login in ("", " joe", "joe ", "joe\0", "\0", "joe%", "_oe", "3@example.com.", "1", "'", "\u212ann", "j" * 5000):
        assert await whose(login) is None, login
    for number in range(8):
        await create_user(context, NewUser(id=f"x{number}", username="ann"))
        await set_password(context, f"x{number}", "h")
    assert await whose("ann") is None


async def test_a_new_password_ends_the_sessions_of_the_old_one(directory: Directory) -> None:
    context = context_of(directory)
    user = await create_user(context, NewUser(username="joe"))
    opened = await create_session(context, NewSession(user=user.id, ttl=60.0, credentials=()))
    await set_password(context, user.id, "h")
    assert (await show_session(context, opened.session.id)).closed_at is not None
