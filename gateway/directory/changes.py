"""Whom a change of the directory touches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from gateway.directory.existing_rows import KnownRows
from gateway.directory.record_rows import TableRow
from gateway.model.session import RevocationKind, RevocationTarget

OnChange = Callable[[RevocationTarget], Awaitable[None]]
"""Told, after the commit, whose cached answers are out of date: they are to be looked up again.

The rows say what is true from now on (a deleted key is revoked, a member has another role), so nothing need be
remembered as revoked beside them.
"""

_TOUCHED = {
    "organizations": (RevocationKind.ORGANIZATION, "id"),
    "workspaces": (RevocationKind.ORGANIZATION, "organization_id"),
    "users": (RevocationKind.USER, "id"),
    "members": (RevocationKind.USER, "id"),  # a member's id ends what its user does there (DESIGN section 7)
    "projects": (RevocationKind.ORGANIZATION, "organization_id"),
    "api_keys": (RevocationKind.API_KEY, "id"),
    "sessions": (RevocationKind.SESSION, "id"),
    "signins": (RevocationKind.SESSION, "session_id"),
}
"""Whose cached answers show a row of each table, and the column that names them."""


def touched(rows: Mapping[str, Sequence[TableRow]], known: KnownRows) -> tuple[RevocationTarget, ...]:
    """Return whose cached answers show a row that `rows` replace by another; new rows are in no cache."""
    return tuple(dict.fromkeys(_touched(rows, known)))


def _touched(rows: Mapping[str, Sequence[TableRow]], known: KnownRows) -> Iterator[RevocationTarget]:
    for table, (kind, column) in _TOUCHED.items():
        before = known[table]
        now = {row["id"]: row for row in rows[table]}
        for row_id, row in before.items():
            if row_id in now and now[row_id] != row:
                yield RevocationTarget(kind, row[column])
        if table == "signins":
            yield from (RevocationTarget(kind, row[column]) for row_id, row in before.items() if row_id not in now)
            added = (row[column] for row_id, row in now.items() if row_id not in before)
            yield from (RevocationTarget(kind, session_id) for session_id in added if session_id in known["sessions"])


async def tell(changes: Sequence[RevocationTarget], on_change: OnChange) -> None:
    """Tell of every change."""
    for ended in changes:
        await on_change(ended)
