"""Workspaces within organizations."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, FieldText, RowId, checked
from gateway.directory.operations.record_table import RecordRow, RecordTable, columns_of
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import organizations, workspaces


class WorkspaceRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A workspace of an organization."""

    organization: str
    name: str | None = None
    slug: str | None = None


class NewWorkspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace to create; without an `id` it gets one."""

    organization: RowId
    id: RowId | None = None
    name: FieldText | None = None
    slug: FieldText | None = None


class WorkspaceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a workspace to set; null empties one."""

    name: FieldText | UnsetType | None = UNSET
    slug: FieldText | UnsetType | None = UNSET


class WorkspaceFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which workspaces to list: all that have every field that is given."""

    organization: str | None = None
    slug: str | None = None


WORKSPACES = RecordTable("workspace", workspaces, WorkspaceRow)


async def create_workspace(context: OperationContext, new: NewWorkspace) -> WorkspaceRow:
    """Create a workspace."""
    columns = columns_of(checked(new))
    async with changing(context) as transaction:
        await transaction.require(organizations, new.organization, "organization")
        return await transaction.insert(WORKSPACES, {**columns, "id": new.id or str(uuid4())})


async def show_workspace(context: OperationContext, workspace_id: str) -> WorkspaceRow:
    """Return a workspace."""
    return await WORKSPACES.show(context, workspace_id)


async def list_workspaces(
    context: OperationContext, wanted: WorkspaceFilter, order: PageOrder = FIRST_PAGE
) -> Page[WorkspaceRow]:
    """Return a page of the workspaces that are wanted."""
    return await WORKSPACES.page(context, WORKSPACES.having(wanted), order)


async def change_workspace(
    context: OperationContext, workspace_id: str, change: WorkspaceChange, expected: ExpectedVersion | None = None
) -> WorkspaceRow:
    """Set fields of a workspace."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(WORKSPACES, workspace_id, expected=expected)
        return await transaction.update(WORKSPACES, before, columns)


async def delete_workspace(
    context: OperationContext, workspace_id: str, expected: ExpectedVersion | None = None
) -> None:
    """Delete a workspace; sessions that were in it stay in their organization."""
    async with changing(context) as transaction:
        before = await transaction.locked(WORKSPACES, workspace_id, expected=expected)
        await transaction.delete(WORKSPACES, before)
