"""Members of organizations: a user's place in one, or somebody who only uses keys."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, FieldText, RowId, checked
from gateway.directory.operations.record_table import RecordRow, RecordTable, columns_of
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import members, organizations, sessions, users

MemberStatus = Literal["active", "suspended"]


class MemberRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A member of an organization; a `suspended` one gets 403."""

    organization: str
    user: str | None = None
    role: str | None = None
    email: str | None = None
    name: str | None = None
    metadata: dict[str, Any]
    status: str


class NewMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member to create; without a `user` it can only use keys."""

    organization: RowId
    id: RowId | None = None
    user: RowId | None = None
    role: FieldText | None = None
    email: FieldText | None = None
    name: FieldText | None = None
    metadata: dict[str, Any] = {}
    status: MemberStatus = "active"


class MemberChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a member to set; null empties one. Its organization and user stay."""

    role: FieldText | UnsetType | None = UNSET
    email: FieldText | UnsetType | None = UNSET
    name: FieldText | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    status: MemberStatus | UnsetType = UNSET


class MemberFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which members to list: all that have every field that is given."""

    organization: str | None = None
    user: str | None = None
    role: str | None = None
    status: str | None = None


MEMBERS = RecordTable("member", members, MemberRow)


async def create_member(context: OperationContext, new: NewMember) -> MemberRow:
    """Create a member."""
    columns = columns_of(checked(new))
    async with changing(context) as transaction:
        await transaction.require(organizations, new.organization, "organization")
        await transaction.require(users, new.user, "user")
        return await transaction.insert(MEMBERS, {**columns, "id": new.id or str(uuid4())})


async def show_member(context: OperationContext, member_id: str) -> MemberRow:
    """Return a member."""
    return await MEMBERS.show(context, member_id)


async def list_members(
    context: OperationContext, wanted: MemberFilter, order: PageOrder = FIRST_PAGE
) -> Page[MemberRow]:
    """Return a page of the members that are wanted."""
    return await MEMBERS.page(context, MEMBERS.having(wanted), order)


async def change_member(
    context: OperationContext, member_id: str, change: MemberChange, expected: ExpectedVersion | None = None
) -> MemberRow:
    """Set fields of a member."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(MEMBERS, member_id, expected=expected)
        return await transaction.update(MEMBERS, before, columns)


async def delete_member(context: OperationContext, member_id: str, expected: ExpectedVersion | None = None) -> None:
    """Delete a member, and log out its user's sessions in the organization; its keys are refused as gone."""
    async with changing(context) as transaction:
        before = await transaction.locked(MEMBERS, member_id, expected=expected)
        if before["user_id"] is not None:
            within = sessions.c.organization_id == before["organization_id"]
            await close_sessions(transaction, sessions.c.user_id == before["user_id"], within)
        await transaction.delete(MEMBERS, before)
