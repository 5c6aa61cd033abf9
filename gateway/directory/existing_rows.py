"""The rows of the directory that a records file brings or refers to, and what in the file does not fit them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.record_rows import TableRow
from gateway.directory.records_file import RecordsFile, references
from gateway.directory.tables import METADATA, members, signins
from gateway.model.errors import Problem

ExistingRows = Mapping[str, Mapping[str, TableRow]]
"""Table -> id -> the row as the directory has it."""

Organizations = Mapping[tuple[str, str], str]
"""Table and id of a member, project or workspace -> id of its organization."""

_IDS_AT_ONCE = 500
"""In one query: some builds of SQLite take no more than 999 parameters."""


async def existing_rows(connection: AsyncConnection, file: RecordsFile) -> ExistingRows:
    """Return the rows that the file brings or refers to.

    With them all sign-ins of the file's sessions, and all memberships of their users.
    """
    ids_of: dict[str, dict[str, None]] = {
        name: {record.id: None for record in getattr(file.records, name)} for name in type(file.records).model_fields
    }
    for reference in references(file.records):
        ids_of[reference.table][reference.id] = None
    existing = {name: await _rows(connection, METADATA.tables[name].c.id, ids) for name, ids in ids_of.items()}
    existing["members"] |= await _rows(
        connection, members.c.user_id, {session.user for session in file.records.sessions}
    )
    existing["signins"] = await _rows(
        connection, signins.c.session_id, {session.id for session in file.records.sessions}
    )
    return existing


def organizations_of(file: RecordsFile, existing: ExistingRows) -> Organizations:
    """Return the organization of each member, project and workspace as it is once the file is loaded."""
    organizations = {}
    for name in ("members", "projects", "workspaces"):
        organizations.update({(name, row_id): row["organization_id"] for row_id, row in existing[name].items()})
        organizations.update({(name, record.id): record.organization for record in getattr(file.records, name)})
    return organizations


def dangling(file: RecordsFile, existing: ExistingRows) -> Iterator[Problem]:
    """Yield a problem for each reference to a row that is neither in the file nor in the directory."""
    in_file = {name: {record.id for record in getattr(file.records, name)} for name in type(file.records).model_fields}
    for reference in references(file.records):
        if reference.id not in in_file[reference.table] and reference.id not in existing[reference.table]:
            yield file.document.problem(reference.path, f"there is no such row in {reference.table}")


def misplaced(file: RecordsFile, existing: ExistingRows, organizations: Organizations) -> Iterator[Problem]:
    """Yield a problem for each key or session that would reach into another organization than its own."""
    for at, key in enumerate(file.records.api_keys):
        if key.project and organizations["projects", key.project] != organizations["members", key.member]:
            yield file.document.problem(("api_keys", at, "project"), "is of another organization than the member")
    memberships = {(member["organization_id"], member["user_id"]) for member in existing["members"].values()}
    memberships |= {(member.organization, member.user) for member in file.records.members}
    for at, session in enumerate(file.records.sessions):
        if session.organization and (session.organization, session.user) not in memberships:
            yield file.document.problem(("sessions", at, "organization"), "the user is no member of it")
        if session.workspace and organizations["workspaces", session.workspace] != session.organization:
            yield file.document.problem(("sessions", at, "workspace"), "is of another organization than the session")


async def _rows(connection: AsyncConnection, column: Column[Any], values: Collection[str]) -> dict[str, TableRow]:
    ordered, table = list(values), column.table
    rows: dict[str, TableRow] = {}
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        chunk = ordered[start : start + _IDS_AT_ONCE]
        for row in (await connection.execute(select(table).where(column.in_(chunk)))).mappings():
            rows[row["id"]] = dict(row)
    return rows
