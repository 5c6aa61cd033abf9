from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.directory.store import Directory
from gateway.directory.tables import api_keys, sessions
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CHAT_SESSION,
    CHAT_USER,
    CLOSED_CHAT_SESSION,
    MEMGHOST_SESSION,
    WACHT_SESSION,
    opened,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MEMBER = "550e8400-e29b-41d4-a716-446655440002"
KEY = "550e8400-e29b-41d4-a716-446655440003"


async def ended_now(directory: Directory) -> set[str]:
    """Return the sessions and keys whose rows say that they were ended at NOW."""
    async with directory.reading() as connection:
        closed = await connection.scalars(select(sessions.c.id).where(sessions.c.closed_at == NOW))
        deleted = await connection.scalars(select(api_keys.c.id).where(api_keys.c.deleted_at == NOW))
        return {*closed, *deleted}


@pytest.mark.parametrize(
    ("kind", "id_", "expected"),
    [
        (RevocationKind.SESSION, MEMGHOST_SESSION, {MEMGHOST_SESSION}),
        (RevocationKind.SESSION, CLOSED_CHAT_SESSION, set()),
        (RevocationKind.SESSION, "nobody's", set()),
        (RevocationKind.SESSION, KEY, set()),
        (RevocationKind.API_KEY, KEY, {KEY}),
        (RevocationKind.USER, CHAT_USER, {CHAT_SESSION}),
        (RevocationKind.CREDENTIAL, "00" * 16, set()),
    ],
)
async def test_what_is_revoked_is_ended_in_its_rows_and_nothing_else(
    tmp_path: Path, kind: RevocationKind, id_: str, expected: set[str]
) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        assert await directory.mark_ended(RevocationTarget(kind, id_), NOW) == len(expected)
        assert await ended_now(directory) == expected


async def test_a_members_id_ends_its_keys_since_upstreams_know_it_as_the_user(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        assert await directory.mark_ended(RevocationTarget(RevocationKind.USER, MEMBER), NOW) == 3
        assert await ended_now(directory) == {KEY, KEY.replace("003", "004"), KEY.replace("003", "005")}


async def test_an_organizations_sessions_and_keys_end_with_it(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        await directory.mark_ended(RevocationTarget(RevocationKind.ORGANIZATION, "org_abc123xyz456"), NOW)
        found = await ended_now(directory)
        assert KEY in found
        assert MEMGHOST_SESSION not in found
        await directory.mark_ended(RevocationTarget(RevocationKind.ORGANIZATION, "org_123456789"), NOW)
        assert WACHT_SESSION in await ended_now(directory)


async def test_to_revoke_again_keeps_the_first_instant(tmp_path: Path) -> None:
    later = NOW.replace(year=2031)
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        await directory.mark_ended(RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION), NOW)
        assert await directory.mark_ended(RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION), later) == 0
        assert await ended_now(directory) == {MEMGHOST_SESSION}
