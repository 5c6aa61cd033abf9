from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from gateway.directory.operations.audit_trail import AuditFilter, list_audit
from gateway.directory.operations.revocation_operations import end_target
from gateway.directory.store import Directory
from gateway.directory.tables import api_keys, sessions
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CHAT_SESSION,
    CHAT_USER,
    CLOSED_CHAT_SESSION,
    MEMGHOST_SESSION,
    NOON,
    PEPPERS,
    PROJECT_KEY,
    Changes,
    context_of,
    opened,
)

KEY = "550e8400-e29b-41d4-a716-446655440003"
JOHN = "550e8400-e29b-41d4-a716-446655440002"


@pytest.mark.parametrize(
    ("kind", "row_id", "session_ends", "key_ends"),
    [
        (RevocationKind.SESSION, MEMGHOST_SESSION, True, False),
        (RevocationKind.USER, "223e4567-e89b-12d3-a456-426614174001", True, False),
        (RevocationKind.USER, JOHN, False, True),
        (RevocationKind.API_KEY, KEY, False, True),
        (RevocationKind.ORGANIZATION, "org_abc123xyz456", False, True),
    ],
)
async def test_what_belongs_to_a_target_ends_with_it(
    tmp_path: Path, kind: RevocationKind, row_id: str, *, session_ends: bool, key_ends: bool
) -> None:
    changes = Changes()
    async with opened(f"sqlite:///{tmp_path}/d.db") as directory:
        context = context_of(directory, changes)
        assert await end_target(context, RevocationTarget(kind, row_id))
        session = await directory.session_by_id(MEMGHOST_SESSION)
        key = await directory.key_by_hash(PEPPERS.every(PROJECT_KEY))
        assert session is not None
        assert key is not None
        assert key.session.api_key is not None
        assert (session.session.closed_at is not None) == session_ends
        assert (key.session.api_key.deleted_at is not None) == key_ends
        operations = {entry.operation for entry in (await list_audit(context, AuditFilter())).rows}
        assert operations >= ({"ended"} if session_ends else {"deleted"})
        assert not await end_target(context, RevocationTarget(kind, "nobody"))
    assert changes == []


async def ended_at(directory: Directory, instant: datetime) -> set[str]:
    """Return the sessions and keys whose rows say that they were ended then."""
    async with directory.reading() as connection:
        closed = await connection.scalars(select(sessions.c.id).where(sessions.c.closed_at == instant))
        deleted = await connection.scalars(select(api_keys.c.id).where(api_keys.c.deleted_at == instant))
        return {*closed, *deleted}


@pytest.mark.parametrize(
    ("kind", "row_id", "ended"),
    [
        (RevocationKind.SESSION, CLOSED_CHAT_SESSION, set()),
        (RevocationKind.SESSION, KEY, set()),
        (RevocationKind.USER, CHAT_USER, {CHAT_SESSION}),
        (RevocationKind.CREDENTIAL, "00" * 16, set()),
        # upstreams know a member's id as the user
        (RevocationKind.USER, JOHN, {KEY, KEY.replace("003", "004"), KEY.replace("003", "005")}),
    ],
)
async def test_nothing_else_ends_and_an_earlier_instant_stays(
    tmp_path: Path, kind: RevocationKind, row_id: str, ended: set[str]
) -> None:
    later = NOON + timedelta(days=1)
    async with opened(f"sqlite:///{tmp_path}/d.db") as directory:
        context = context_of(directory)
        await end_target(context, RevocationTarget(kind, row_id))
        assert await ended_at(directory, NOON) == ended
        await end_target(msgspec.structs.replace(context, now=later), RevocationTarget(kind, row_id))
        assert (await ended_at(directory, NOON), await ended_at(directory, later)) == (ended, set())
