from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import event, select, update

from gateway.directory.operations.owned_sessions import end_own_session, own_sessions
from gateway.directory.operations.session_operations import create_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.store import Directory
from gateway.directory.tables import sessions
from gateway.model.errors import MissingRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import NOON, Changes, context_of, opened

pytestmark = pytest.mark.slow

OWNER, STRANGER = "223e4567-e89b-12d3-a456-426614174001", "user_456789123"
CHAT_USER, CHAT_SESSION, CLOSED = "rbAXPnMktTFbNpwtJ", "rBk3bZ8vJ2sQeT5wX", "QoYYFw2t9oKks2niG"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


async def test_a_list_has_the_live_ones_of_one_user_the_last_active_first(directory: Directory) -> None:
    context = context_of(directory)
    new = await create_session(context, NewSession(user=OWNER, ip="192.0.2.7"))
    await create_session(context, NewSession(user=STRANGER))
    short = await create_session(context, NewSession(user=OWNER, ttl=1.0))
    idle = await create_session(context, NewSession(user=OWNER, idle=300))
    await directory.note_activity(new.session.id, NOON + timedelta(seconds=5))
    found = await own_sessions(context, OWNER, 10)
    assert {each.user.id for each in found if each.user is not None} == {OWNER}
    assert found[0].id == new.session.id
    assert found[0].login is not None
    assert found[0].login.ip == "192.0.2.7"
    assert {short.session.id, idle.session.id} <= {each.id for each in found}
    later = msgspec.structs.replace(context, now=NOON + timedelta(seconds=2))
    assert short.session.id not in {each.id for each in await own_sessions(later, OWNER, 10)}
    assert idle.session.id in {each.id for each in await own_sessions(later, OWNER, 10)}
    later = msgspec.structs.replace(context, now=NOON + timedelta(seconds=300))
    assert idle.session.id not in {each.id for each in await own_sessions(later, OWNER, 10)}
    await directory.note_activity(idle.session.id, NOON + timedelta(seconds=1))
    assert idle.session.id in {each.id for each in await own_sessions(later, OWNER, 10)}
    assert len(await own_sessions(context, OWNER, 1)) == 1


async def test_a_session_ends_with_every_other_one_of_its_login_token(directory: Directory) -> None:
    changes = Changes()
    context = context_of(directory, changes)
    issued = await create_session(context, NewSession(user=CHAT_USER))
    async with directory.changing() as connection:
        of_login = select(sessions.c.login_token_hash).where(sessions.c.id == CHAT_SESSION).scalar_subquery()
        same_token = update(sessions).where(sessions.c.id == issued.session.id).values(login_token_hash=of_login)
        await connection.execute(same_token)
    changes.clear()
    ended = await end_own_session(context, CHAT_SESSION, CHAT_USER)
    assert set(ended) == {CHAT_SESSION, issued.session.id}
    assert changes.ended == {RevocationTarget(RevocationKind.SESSION, id_) for id_ in ended}


async def test_an_unknown_a_foreign_and_an_ended_id_cost_one_and_the_same_query(directory: Directory) -> None:
    context = context_of(directory)
    expired = await create_session(context, NewSession(user=OWNER, ttl=1.0))
    later = msgspec.structs.replace(context, now=NOON + timedelta(seconds=2))
    queries: list[str] = []
    event.listen(
        directory._engine.sync_engine, "before_cursor_execute", lambda *execution: queries.append(execution[2])
    )
    costs = []
    for session_id in ("unheard-of", CHAT_SESSION, CLOSED, expired.session.id):
        queries.clear()
        with pytest.raises(MissingRecordError):
            await end_own_session(later, session_id, OWNER)
        costs.append(tuple(queries))
    assert len(set(costs)) == 1
    assert len([query for query in costs[0] if query.startswith("SELECT")]) == 1
    assert await own_sessions(context, CHAT_USER, 10)
