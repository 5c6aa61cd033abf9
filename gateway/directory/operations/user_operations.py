"""Users: people or machines that sign in."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import select

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, FieldText, RowId, Texts, checked
from gateway.directory.operations.record_table import RecordRow, RecordTable, columns_of
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import members, sessions, users


class UserRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A user; `roles` count in every organization."""

    email: str | None = None
    name: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    image_url: str | None = None
    roles: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to create; without an `id` it gets one."""

    id: RowId | None = None
    email: FieldText | None = None
    name: FieldText | None = None
    username: FieldText | None = None
    first_name: FieldText | None = None
    last_name: FieldText | None = None
    image_url: FieldText | None = None
    roles: Texts = ()


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a user to set; null empties one."""

    email: FieldText | UnsetType | None = UNSET
    name: FieldText | UnsetType | None = UNSET
    username: FieldText | UnsetType | None = UNSET
    first_name: FieldText | UnsetType | None = UNSET
    last_name: FieldText | UnsetType | None = UNSET
    image_url: FieldText | UnsetType | None = UNSET
    roles: Texts | UnsetType = UNSET


class UserFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which users to list: all that have every field that is given."""

    email: str | None = None
    username: str | None = None
    organization: str | None = None


USERS = RecordTable("user", users, UserRow)


async def create_user(context: OperationContext, new: NewUser) -> UserRow:
    """Create a user."""
    columns = columns_of(checked(new))
    times = {"created_at": context.now, "updated_at": context.now}
    async with changing(context) as transaction:
        return await transaction.insert(USERS, {**columns, **times, "id": new.id or str(uuid4())})


async def show_user(context: OperationContext, user_id: str) -> UserRow:
    """Return a user."""
    return await USERS.show(context, user_id)


async def list_users(context: OperationContext, wanted: UserFilter, order: PageOrder = FIRST_PAGE) -> Page[UserRow]:
    """Return a page of the users that are wanted."""
    conditions = []
    if wanted.email is not None:
        conditions.append(users.c.email == wanted.email)
    if wanted.username is not None:
        conditions.append(users.c.username == wanted.username)
    if wanted.organization is not None:
        within = select(members.c.user_id).where(members.c.organization_id == wanted.organization)
        conditions.append(users.c.id.in_(within))
    return await USERS.page(context, conditions, order)


async def change_user(
    context: OperationContext, user_id: str, change: UserChange, expected: ExpectedVersion | None = None
) -> UserRow:
    """Set fields of a user."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(USERS, user_id, expected=expected)
        return await transaction.update(USERS, before, columns)


async def delete_user(context: OperationContext, user_id: str, expected: ExpectedVersion | None = None) -> None:
    """Delete a user with its memberships and log its sessions out; its keys are refused as gone."""
    async with changing(context) as transaction:
        before = await transaction.locked(USERS, user_id, expected=expected)
        await close_sessions(transaction, sessions.c.user_id == user_id)
        await transaction.delete(USERS, before)
