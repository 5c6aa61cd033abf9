"""Projects of organizations: what API keys open. Of the product whose document shows more, the rest has defaults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from secrets import token_urlsafe
from typing import Literal
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import select, update

from gateway.directory.operations.api_key_rows import API_KEYS
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, FieldText, RowId, checked
from gateway.directory.operations.record_table import RecordRow, RecordTable, columns_of
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.tables import api_keys, organizations, projects

WebhookVersion = Literal["V1", "V2", "V3"]

_NANO_BYTES = 9
"""Random bytes of a nano id: twelve characters, as the product's have."""


class ProjectRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A project of an organization; the secret of its webhook is not shown."""

    organization: str
    name: str
    auto_id: int
    nano_id: str
    email: str = ""
    webhook_url: str | None = None
    event_webhook_url: str | None = None
    triggers_enabled: bool = False
    is_new_webhook: bool = False
    webhook_version: str = "V1"
    last_subscribed_at: datetime | None = None
    deleted: bool = False
    created_at: datetime
    updated_at: datetime


class NewProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project to create; without a `name` it is called by its id."""

    organization: RowId
    id: RowId | None = None
    name: FieldText | None = None
    nano_id: RowId | None = None
    email: FieldText = ""
    webhook_url: FieldText | None = None
    event_webhook_url: FieldText | None = None
    webhook_secret: FieldText | None = None
    triggers_enabled: bool = False
    is_new_webhook: bool = False
    webhook_version: WebhookVersion = "V1"


class ProjectChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a project to set; null empties one. A `deleted` one stays, and its keys are refused."""

    name: FieldText | UnsetType = UNSET
    email: FieldText | UnsetType = UNSET
    webhook_url: FieldText | UnsetType | None = UNSET
    event_webhook_url: FieldText | UnsetType | None = UNSET
    webhook_secret: FieldText | UnsetType | None = UNSET
    triggers_enabled: bool | UnsetType = UNSET
    is_new_webhook: bool | UnsetType = UNSET
    webhook_version: WebhookVersion | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET


class ProjectFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which projects to list: all that have every field that is given."""

    organization: str | None = None
    nano_id: str | None = None
    deleted: bool | None = None


PROJECTS = RecordTable("project", projects, ProjectRow)


async def create_project(
    context: OperationContext, new: NewProject, randomness: Callable[[int], str] = token_urlsafe
) -> ProjectRow:
    """Create a project."""
    columns = columns_of(checked(new))
    project_id = new.id or str(uuid4())
    async with changing(context) as transaction:
        await transaction.require(organizations, new.organization, "organization")
        columns |= {
            "id": project_id,
            "name": new.name if new.name is not None else project_id,
            "nano_id": new.nano_id or f"proj_{randomness(_NANO_BYTES)}",
            "auto_id": await transaction.next_number(projects),
            "deleted": False,
            "created_at": context.now,
            "updated_at": context.now,
        }
        return await transaction.insert(PROJECTS, columns)


async def show_project(context: OperationContext, project_id: str) -> ProjectRow:
    """Return a project."""
    return await PROJECTS.show(context, project_id)


async def list_projects(
    context: OperationContext, wanted: ProjectFilter, order: PageOrder = FIRST_PAGE
) -> Page[ProjectRow]:
    """Return a page of the projects that are wanted."""
    return await PROJECTS.page(context, PROJECTS.having(wanted), order)


async def change_project(
    context: OperationContext, project_id: str, change: ProjectChange, expected: ExpectedVersion | None = None
) -> ProjectRow:
    """Set fields of a project."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(PROJECTS, project_id, expected=expected)
        return await transaction.update(PROJECTS, before, columns)


async def delete_project(context: OperationContext, project_id: str, expected: ExpectedVersion | None = None) -> None:
    """Delete a project; its keys are refused as gone, and users' keys that were narrowed to it as revoked."""
    async with changing(context) as transaction:
        before = await transaction.locked(PROJECTS, project_id, expected=expected)
        await _delete_narrowed_keys(transaction, project_id)
        await transaction.delete(PROJECTS, before)


async def _delete_narrowed_keys(transaction: ChangeTransaction, project_id: str) -> None:
    """Delete the users' keys of a project: without it they would open all that their users may."""
    narrowed = (
        api_keys.c.project_id == project_id,
        api_keys.c.type != "project",
        api_keys.c.deleted_at.is_(None),
    )
    found = [dict(row) for row in (await transaction.connection.execute(select(api_keys).where(*narrowed))).mappings()]
    deleted = {"deleted_at": transaction.context.now, "updated_at": transaction.context.now}
    await transaction.connection.execute(update(api_keys).where(*narrowed).values(deleted))
    for before in found:
        transaction.note(API_KEYS, "deleted", before, {**before, **deleted}, ended=True)
