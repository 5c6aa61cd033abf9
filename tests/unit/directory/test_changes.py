from __future__ import annotations

from gateway.directory.changes import call_for_each, changed_targets
from gateway.directory.record_rows import TableRow
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import Changes

TABLES = ("organizations", "workspaces", "users", "members", "projects", "api_keys", "sessions", "signins")


def changed(
    table: str, before: list[TableRow], after: list[TableRow], sessions: tuple[str, ...] = ()
) -> tuple[RevocationTarget, ...]:
    existing: dict[str, dict[str, TableRow]] = {name: {} for name in TABLES}
    existing["sessions"] = {session_id: {"id": session_id} for session_id in sessions}
    rows: dict[str, list[TableRow]] = {name: [] for name in TABLES}
    existing[table] = {row["id"]: row for row in before}
    rows[table] = after
    return changed_targets(rows, existing)


def test_a_changed_row_touches_whoever_shows_it() -> None:
    row = {"id": "x", "organization_id": "o", "session_id": "s", "name": "before"}
    after = {**row, "name": "after"}
    assert {table: changed(table, [row], [after]) for table in TABLES} == {
        "organizations": (RevocationTarget(RevocationKind.ORGANIZATION, "x"),),
        "workspaces": (RevocationTarget(RevocationKind.ORGANIZATION, "o"),),
        "users": (RevocationTarget(RevocationKind.USER, "x"),),
        "members": (RevocationTarget(RevocationKind.USER, "x"),),
        "projects": (RevocationTarget(RevocationKind.ORGANIZATION, "o"),),
        "api_keys": (RevocationTarget(RevocationKind.API_KEY, "x"),),
        "sessions": (RevocationTarget(RevocationKind.SESSION, "x"),),
        "signins": (RevocationTarget(RevocationKind.SESSION, "s"),),
    }


def test_what_is_new_the_same_or_not_mentioned_touches_nobody() -> None:
    row = {"id": "x", "name": "same"}
    assert changed("users", [], [row]) == ()
    assert changed("users", [row], [dict(row)]) == ()
    assert changed("users", [row], []) == ()


def test_sign_ins_that_come_and_go_touch_their_session() -> None:
    signin = {"id": "i", "session_id": "s"}
    assert changed("signins", [], [signin], sessions=("s",)) == (RevocationTarget(RevocationKind.SESSION, "s"),)
    assert changed("signins", [signin], [], sessions=("s",)) == (RevocationTarget(RevocationKind.SESSION, "s"),)


def test_sign_ins_of_a_session_that_is_new_itself_touch_nobody() -> None:
    assert changed("signins", [], [{"id": "i", "session_id": "s"}]) == ()


def test_each_is_named_once() -> None:
    rows = [{"id": name, "organization_id": "o", "name": "before"} for name in "abc"]
    after = [{**row, "name": "after"} for row in rows]
    assert changed("projects", rows, after) == (RevocationTarget(RevocationKind.ORGANIZATION, "o"),)


async def test_every_target_is_handed_on() -> None:
    changes = Changes()
    both = [RevocationTarget(RevocationKind.USER, "u"), RevocationTarget(RevocationKind.SESSION, "s")]
    await call_for_each(both, changes)
    assert changes == both
