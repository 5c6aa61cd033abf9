"""Organizations: what members, projects and workspaces belong to."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, FieldText, RowId, checked
from gateway.directory.operations.record_table import RecordRow, RecordTable, columns_of
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import organizations, sessions


class OrganizationRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """An organization; `uuid` is the `org_id` of its projects, where that is not its id."""

    name: str | None = None
    uuid: str | None = None
    slug: str | None = None
    plan: str | None = None
    image_url: str | None = None


class NewOrganization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organization to create; without an `id` it gets one."""

    name: FieldText
    id: RowId | None = None
    uuid: RowId | None = None
    slug: FieldText | None = None
    plan: FieldText | None = None
    image_url: FieldText | None = None


class OrganizationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of an organization to set; null empties one."""

    name: FieldText | UnsetType = UNSET
    uuid: RowId | UnsetType | None = UNSET
    slug: FieldText | UnsetType | None = UNSET
    plan: FieldText | UnsetType | None = UNSET
    image_url: FieldText | UnsetType | None = UNSET


class OrganizationFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which organizations to list: all that have every field that is given."""

    name: str | None = None
    slug: str | None = None


ORGANIZATIONS = RecordTable("organization", organizations, OrganizationRow)


async def create_organization(context: OperationContext, new: NewOrganization) -> OrganizationRow:
    """Create an organization."""
    columns = columns_of(checked(new))
    async with changing(context) as transaction:
        return await transaction.insert(ORGANIZATIONS, {**columns, "id": new.id or str(uuid4())})


async def show_organization(context: OperationContext, organization_id: str) -> OrganizationRow:
    """Return an organization."""
    return await ORGANIZATIONS.show(context, organization_id)


async def list_organizations(
    context: OperationContext, wanted: OrganizationFilter, order: PageOrder = FIRST_PAGE
) -> Page[OrganizationRow]:
    """Return a page of the organizations that are wanted."""
    return await ORGANIZATIONS.page(context, ORGANIZATIONS.having(wanted), order)


async def change_organization(
    context: OperationContext, organization_id: str, change: OrganizationChange, expected: ExpectedVersion | None = None
) -> OrganizationRow:
    """Set fields of an organization."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(ORGANIZATIONS, organization_id, expected=expected)
        return await transaction.update(ORGANIZATIONS, before, columns)


async def delete_organization(
    context: OperationContext, organization_id: str, expected: ExpectedVersion | None = None
) -> None:
    """Delete an organization with its members, projects and workspaces, and log out the sessions bound to it.

    Its keys are refused as gone.
    """
    async with changing(context) as transaction:
        before = await transaction.locked(ORGANIZATIONS, organization_id, expected=expected)
        await close_sessions(transaction, sessions.c.organization_id == organization_id)
        await transaction.delete(ORGANIZATIONS, before)
