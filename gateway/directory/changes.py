"""Whose cached answers a change of the directory makes out of date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from gateway.model.session import RevocationKind, RevocationTarget

if TYPE_CHECKING:
    from gateway.directory.existing_rows import ExistingRows
    from gateway.directory.record_rows import TableRow


class OnChange(Protocol):
    """Called, after the commit, with each target whose cached answers are to be looked up again.

    `ended` says that it is never valid again (a closed session, a deleted key), so it may be remembered as a
    revocation. Of everything else the rows hold what is true from now on, and none need be remembered.
    """

    async def __call__(self, target: RevocationTarget, *, ended: bool = False) -> None:
        """Tell whoever caches answers; raises nothing."""


_TARGETS = {
    "organizations": (RevocationKind.ORGANIZATION, "id"),
    "workspaces": (RevocationKind.ORGANIZATION, "organization_id"),
    "users": (RevocationKind.USER, "id"),
    "members": (RevocationKind.USER, "id"),  # a member's id stands for its user there
    "projects": (RevocationKind.ORGANIZATION, "organization_id"),
    "api_keys": (RevocationKind.API_KEY, "id"),
    "sessions": (RevocationKind.SESSION, "id"),
    "signins": (RevocationKind.SESSION, "session_id"),
}
"""The kind of target whose cached answers show a row of each table, and the column of its id."""


async def tell_nobody(target: RevocationTarget, *, ended: bool = False) -> None:
    """Do nothing: for what nobody has cached."""


def target_of(table: str, row: Mapping[str, Any]) -> RevocationTarget | None:
    """Return whose cached answers show a row of a table; None for a row that refers to nobody any more."""
    kind, column = _TARGETS[table]
    return RevocationTarget(kind, row[column]) if row[column] is not None else None


def changed_targets(rows: Mapping[str, Sequence[TableRow]], existing: ExistingRows) -> tuple[RevocationTarget, ...]:
    """Return whose cached answers show a row that `rows` replace by another; new rows are in no cache."""
    return tuple(dict.fromkeys(_changed_targets(rows, existing)))


def _changed_targets(rows: Mapping[str, Sequence[TableRow]], existing: ExistingRows) -> Iterator[RevocationTarget]:
    for table, (kind, column) in _TARGETS.items():
        before = existing[table]
        after = {row["id"]: row for row in rows[table]}
        for row_id, row in before.items():
            if row_id in after and after[row_id] != row:
                yield RevocationTarget(kind, row[column])
        if table == "signins":
            yield from (RevocationTarget(kind, row[column]) for row_id, row in before.items() if row_id not in after)
            added = (row[column] for row_id, row in after.items() if row_id not in before)
            yield from (
                RevocationTarget(kind, session_id) for session_id in added if session_id in existing["sessions"]
            )


async def call_for_each(targets: Sequence[RevocationTarget], on_change: OnChange) -> None:
    """Call `on_change` with every target, one after the other."""
    for target in targets:
        await on_change(target)
