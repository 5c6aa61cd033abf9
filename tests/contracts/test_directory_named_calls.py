"""Creations that their caller has named, on every database behind the directory alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.directory.named_calls import NamedCall, NamedCalls
from gateway.directory.operations.user_operations import NewUser, UserFilter, create_user, list_users
from gateway.directory.store import Directory
from gateway.model.errors import ClashError
from tests.support.builders.directory import NOON, context_of, opened
from tests.support.servers.directory_databases import DATABASES, empty


@pytest.fixture(params=DATABASES)
async def directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(await empty(request.param, tmp_path)) as directory:
        yield directory


async def test_a_name_is_written_with_its_change_and_never_twice(directory: Directory) -> None:
    calls = NamedCalls(directory, ttl=60.0, most=100)
    async with calls.naming("one", "digest", NOON).changing():
        pass
    assert await calls.find("one", NOON) == NamedCall(NOON, "digest", None)
    with pytest.raises(ClashError):
        await create_user(context_of(calls.naming("one", "other", NOON)), NewUser(id="jane"))
    assert "jane" not in {row.id for row in (await list_users(context_of(directory), UserFilter())).rows}
    await calls.keep("one", b"\x00answer\xff")
    assert await calls.find("one", NOON) == NamedCall(NOON, "digest", b"\x00answer\xff")
    assert await calls.find("one", NOON + timedelta(seconds=60)) is None


async def test_an_error_takes_the_name_back(directory: Directory) -> None:
    calls = NamedCalls(directory, ttl=60.0, most=100)
    await create_user(context_of(directory), NewUser(id="jane"))
    with pytest.raises(ClashError):
        await create_user(context_of(calls.naming("one", "digest", NOON)), NewUser(id="jane"))
    assert await calls.find("one", NOON) is None


async def test_of_two_at_once_one_is_done(directory: Directory) -> None:
    """As two workers do it that got the same call: whoever is second is refused, and has made nothing."""
    calls = NamedCalls(directory, ttl=60.0, most=100)

    async def create(user: str) -> str:
        try:
            return (await create_user(context_of(calls.naming("one", "digest", NOON)), NewUser(id=user))).id
        except ClashError:
            return ""

    made = await asyncio.gather(*(create(f"user-{number}") for number in range(5)))
    assert len([each for each in made if each]) == 1
    found = {row.id for row in (await list_users(context_of(directory), UserFilter())).rows}
    assert {each for each in found if each.startswith("user-")} == {each for each in made if each}
