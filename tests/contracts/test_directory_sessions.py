"""What people do to their sessions, on every database behind the directory alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.login_sessions import LoginQuery, list_logins, show_login
from gateway.directory.operations.owned_sessions import end_other_sessions, end_own_session, own_sessions
from gateway.directory.operations.password_operations import password_of, set_password
from gateway.directory.operations.refresh_tokens import RefreshCall, Refreshed, use_refresh_token
from gateway.directory.operations.session_operations import create_session, issue_token, list_sessions
from gateway.directory.operations.session_rows import NewSession, SessionFilter
from gateway.directory.operations.sign_ins import leave_session, switch_workspace
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.store import Directory
from gateway.directory.tables import refresh_families, signins
from gateway.model.errors import ClashError, DirectoryError, InvalidRecordError, MissingRecordError, ReplayedTokenError
from tests.support.builders.directory import CHAT_USER, CLOSED_CHAT_SESSION, NOW, Changes, context_of, opened
from tests.support.servers.directory_databases import DATABASES, empty

NOON = datetime.fromtimestamp(NOW, UTC)
OWNER, STRANGER = "223e4567-e89b-12d3-a456-426614174001", "user_456789123"
WORKSPACE, ORGANIZATION = "workspace_987654321", "org_123456789"


@pytest.fixture(params=DATABASES)
async def directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(await empty(request.param, tmp_path)) as directory:
        yield directory


def shown(token: str | None, at: datetime = NOON, clock: Callable[[], datetime] = lambda: NOON) -> RefreshCall:
    return RefreshCall(token or "", at, raced=False, clock=clock)


async def with_refresh(context: OperationContext, **fields: object) -> tuple[str, str]:
    issued = await create_session(context, NewSession(user=OWNER, credentials=("refresh",), **fields))  # type: ignore[arg-type]
    assert issued.refresh is not None
    return issued.session.id, issued.refresh


async def test_ones_own_are_listed_and_ended(directory: Directory) -> None:
    context = context_of(directory)
    one, other = [(await create_session(context, NewSession(user=OWNER))).session.id for _ in range(2)]
    assert {one, other} <= {each.id for each in await own_sessions(context, OWNER, 10)}
    assert await end_own_session(context, other, OWNER) == (other,)
    for session_id in (other, CLOSED_CHAT_SESSION, "unheard-of"):
        with pytest.raises(MissingRecordError):
            await end_own_session(context, session_id, OWNER)
    assert one not in await end_other_sessions(context, OWNER, one)
    assert [each.id for each in await own_sessions(context, OWNER, 10)] == [one]


async def test_a_session_that_nobody_uses_is_no_live_one(directory: Directory) -> None:
    context = context_of(directory)
    issued = await create_session(context, NewSession(user=OWNER, idle=300, credentials=("bearer", "refresh")))
    for seconds, is_live in ((299, True), (300, False)):
        at = NOON + timedelta(seconds=seconds)
        then = msgspec.structs.replace(context, now=at)
        assert (issued.session.id in {each.id for each in await own_sessions(then, OWNER, 10)}) is is_live
        wanted = SessionFilter(user=OWNER, live=True)
        assert (issued.session.id in {each.id for each in (await list_sessions(then, wanted)).rows}) is is_live
    with pytest.raises(MissingRecordError):
        await use_refresh_token(then, shown(issued.refresh, at, clock=lambda: at))
    await directory.note_activity(issued.session.id, at)
    assert issued.session.id in {each.id for each in await own_sessions(then, OWNER, 10)}


async def test_a_password_is_found_by_a_name_and_its_small_letters(directory: Directory) -> None:
    context = context_of(directory)
    await create_user(context, NewUser(id="joe-1", username="joe", email="joe@example.com"))
    await set_password(context, "joe-1", "h")
    for login in ("joe", "JOE", "joe@example.com", "Joe@Example.com"):
        stored = await password_of(context, login)
        assert (stored is not None, stored and stored.user_id) == (True, "joe-1"), login
    for login in ("joe\0", "\0", "joe%", "\N{KELVIN SIGN}", "j" * 5000, ""):
        assert await password_of(context, login) is None, login


async def test_logins_are_searched_sorted_and_counted(directory: Directory) -> None:
    context = context_of(directory)
    later = msgspec.structs.replace(context, now=NOON + timedelta(seconds=1))
    first = (await create_session(context, NewSession(user=OWNER, user_agent="Mozilla/5.0 Firefox/128.0"))).session.id
    second = (await create_session(later, NewSession(user=OWNER))).session.id
    await create_session(context, NewSession(user=OWNER, credentials=("cookie",)))
    newest = LoginQuery(owner=OWNER, order=[("loginAt", True)])
    found, total = await list_logins(later, newest)
    assert ([each.id for each in found], total) == ([second, first], 2)
    found, total = await list_logins(later, msgspec.structs.replace(newest, offset=1, count=1))
    assert ([each.id for each in found], total) == ([first], 2)
    found, total = await list_logins(later, msgspec.structs.replace(newest, text="FIREFOX"))
    assert ([each.id for each in found], total) == ([first], 1)
    everybody = LoginQuery(owner=None, order=[("_user.username", False), ("device.name", True)])
    found, total = await list_logins(later, everybody)
    assert {each.user.id for each in found if each.user is not None} == {OWNER, CHAT_USER}
    assert total == len(found) == 3
    with pytest.raises(InvalidRecordError):
        await list_logins(later, LoginQuery(owner=None, order=[("login_token_hash", False)]))
    assert (await show_login(later, first)).id == first
    with pytest.raises(MissingRecordError):
        await show_login(later, CLOSED_CHAT_SESSION)


async def test_sign_ins_leave_and_places_are_switched(directory: Directory) -> None:
    context = context_of(directory)
    issued = await create_session(context, NewSession(user=STRANGER))
    session_id, own = issued.session.id, issued.session.active_signin or ""
    await switch_workspace(context, session_id, STRANGER, WORKSPACE)
    stored = await directory.session_by_id(session_id)
    assert stored is not None
    assert stored.session.workspace is not None
    assert stored.session.organization is not None
    assert (stored.session.workspace.id, stored.session.organization.id) == (WORKSPACE, ORGANIZATION)
    for workspace in ("unheard-of",):
        with pytest.raises(InvalidRecordError):
            await switch_workspace(context, session_id, STRANGER, workspace)
    async with directory.changing() as connection:
        signin = {"id": "s2", "session_id": session_id, "user_id": OWNER, "created_at": NOON}
        await connection.execute(signins.insert(), signin)
    with pytest.raises(InvalidRecordError):
        await leave_session(context, session_id, STRANGER, "signin_987654321")
    assert await leave_session(context, session_id, STRANGER, own)
    with pytest.raises(MissingRecordError):
        await leave_session(context, session_id, STRANGER, "s2")
    assert not await leave_session(context, session_id, OWNER, "s2")
    assert not [each for each in await own_sessions(context, OWNER, 10) if each.id == session_id]


async def test_a_refresh_token_is_good_once_and_a_used_one_ends_its_family(directory: Directory) -> None:
    changes = Changes()
    context = context_of(directory, changes)
    session_id, first = await with_refresh(context)
    second = (await use_refresh_token(context, shown(first))).refresh_token
    third = (await use_refresh_token(context, shown(second))).refresh_token
    after = NOON + timedelta(seconds=1)
    with pytest.raises(ReplayedTokenError):
        await use_refresh_token(context, shown(first, after))
    with pytest.raises(MissingRecordError):
        await use_refresh_token(context, shown(third, after))
    assert session_id in {target.id for target in changes.ended}
    async with directory.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(refresh_families)) == 0


async def test_of_two_uses_at_once_one_wins_and_nothing_ends(directory: Directory) -> None:
    context = context_of(directory)
    _, token = await with_refresh(context)
    uses = [use_refresh_token(context, shown(token)) for _ in range(4)]
    outcomes = await asyncio.gather(*uses, return_exceptions=True)
    won = [each for each in outcomes if isinstance(each, Refreshed)]
    assert len(won) == 1
    assert [type(each) for each in outcomes if not isinstance(each, Refreshed)] == [ClashError] * 3
    assert (await use_refresh_token(context, shown(won[0].refresh_token))).session.id == won[0].session.id


async def test_a_refresh_token_lasts_from_its_last_use_and_no_longer_than_its_session(directory: Directory) -> None:
    context = context_of(directory)
    _, token = await with_refresh(context)
    later = NOON + timedelta(days=80)
    token = (await use_refresh_token(context, shown(token, later, lambda: later))).refresh_token
    later += timedelta(days=80)
    token = (await use_refresh_token(context, shown(token, later, lambda: later))).refresh_token
    later += timedelta(days=91)
    with pytest.raises(MissingRecordError):
        await use_refresh_token(context, shown(token, later, lambda: later))
    _, short = await with_refresh(context, ttl=60.0)
    later = NOON + timedelta(seconds=61)
    with pytest.raises(MissingRecordError):
        await use_refresh_token(context, shown(short, later, lambda: later))


async def test_a_live_session_is_given_a_refresh_token_later(directory: Directory) -> None:
    context = context_of(directory)
    session_id = (await create_session(context, NewSession(user=OWNER))).session.id
    token = await issue_token(context, session_id, "refresh", ttl=60.0)
    assert (await use_refresh_token(context, shown(token))).session.id == session_id
    for gone in (CLOSED_CHAT_SESSION, "unheard-of"):
        with pytest.raises(DirectoryError):
            await issue_token(context, gone, "refresh")
