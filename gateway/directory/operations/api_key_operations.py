"""API keys: made, found by what is visible of them, rotated, expired and deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.directory.hashing import visible_prefix
from gateway.directory.operations.api_key_rows import (
    API_KEYS,
    ApiKeyRow,
    IssuedKey,
    KeyChange,
    KeyFilter,
    NewKey,
)
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, checked
from gateway.directory.operations.record_table import Condition, columns_of
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.tables import api_keys, members, projects
from gateway.model.errors import InvalidRecordError
from gateway.model.session import RevocationKind, RevocationTarget

_KEY_BYTES = 32
"""Random bytes of a key: 256 bits, so that a fast hash is enough at rest."""

_KEY_PREFIXES: dict[str, str] = {"project": "sk_live_", "user": "uk_live_", "organization": "ok_live_"}
"""How keys of each type begin, so that people and secret scanners recognize one."""

_MATCHES = 20
"""Keys that are named where several begin alike."""


async def create_key(
    context: OperationContext, new: NewKey, randomness: Callable[[int], str] = token_urlsafe
) -> IssuedKey:
    """Create a key and store its hash; raises InvalidRecordError for what no key can be, and DirectoryError."""
    checked(new)
    if (new.project is not None) != (new.type == "project") and new.type != "user":
        raise InvalidRecordError("project: a key of the type project names one, one of the type organization none")
    async with changing(context) as transaction:
        organization_id = await _organization(transaction, new.member)
        columns = {
            "type": new.type,
            "name": new.name,
            "organization_id": organization_id,
            "project_id": await _project(transaction, new.project, organization_id),
            "member_id": new.member,
            "scopes": list(new.scopes),
            "expires_at": new.expires_at,
        }
        return await _issue(transaction, columns, randomness)


async def show_key(context: OperationContext, key_id: str) -> ApiKeyRow:
    """Return a key."""
    return await API_KEYS.show(context, key_id)


async def find_key(context: OperationContext, text: str) -> ApiKeyRow:
    """Return the key of this id, the key itself, or the one that begins so; a live one before deleted ones.

    Raises InvalidRecordError, with the ids, where several begin so.
    """
    async with context.directory.reading() as connection:
        known = api_keys.c.id == text
        if context.peppers is not None:
            known = or_(known, api_keys.c.hash.in_(context.peppers.every(text)))
        exact = (await connection.execute(select(api_keys).where(known))).mappings().first()
        if exact is not None:
            return API_KEYS.row_of(dict(exact))
        # what is visible may have been copied in part, or with what stands behind it in place of the rest
        longer = func.substr(api_keys.c.prefix, 1, len(text)) == text
        shorter = func.substr(text, 1, func.length(api_keys.c.prefix)) == api_keys.c.prefix
        matches = await _beginning(connection, longer) if text else []
        if text and not matches:
            found = await _beginning(connection, shorter)
            matches = [row for row in found if len(row.prefix) == len(found[0].prefix)]
    if not matches:
        raise API_KEYS.missing(text)
    if len(matches) > 1:
        ids = ", ".join(row.id for row in matches[:_MATCHES])
        more = " ..." if len(matches) > _MATCHES else ""
        raise InvalidRecordError(f"several keys begin with {text}: {ids}{more}; name one by its id")
    return matches[0]


async def _beginning(connection: AsyncConnection, condition: Condition) -> list[ApiKeyRow]:
    """Return the keys whose prefix meets the condition: those that live, else the deleted ones."""
    query = select(api_keys).where(api_keys.c.prefix != "", condition)
    order = (api_keys.c.deleted_at.is_not(None), func.length(api_keys.c.prefix).desc(), api_keys.c.id)
    found = (await connection.execute(query.order_by(*order).limit(_MATCHES + 1))).mappings()
    rows = [API_KEYS.row_of(dict(row)) for row in found]
    return [row for row in rows if row.deleted_at is None] or rows


async def list_keys(context: OperationContext, wanted: KeyFilter, order: PageOrder = FIRST_PAGE) -> Page[ApiKeyRow]:
    """Return a page of the keys that are wanted."""
    conditions = API_KEYS.having(wanted)
    if wanted.live is not None:
        lasting = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > context.now)
        live = and_(api_keys.c.deleted_at.is_(None), lasting)
        conditions.append(live if wanted.live else not_(live))
    return await API_KEYS.page(context, conditions, order)


async def change_key(
    context: OperationContext, key_id: str, change: KeyChange, expected: ExpectedVersion | None = None
) -> ApiKeyRow:
    """Set a key's name or scopes, or the instant from which it is refused as expired."""
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(API_KEYS, key_id, expected=expected)
        return await transaction.update(API_KEYS, before, columns)


async def delete_key(context: OperationContext, key_id: str, expected: ExpectedVersion | None = None) -> ApiKeyRow:
    """Mark a key as deleted: it is refused as revoked from now on. An earlier instant stays."""
    async with changing(context) as transaction:
        before = await transaction.locked(API_KEYS, key_id, expected=expected)
        transaction.tell(RevocationTarget(RevocationKind.API_KEY, key_id), ended=True)
        columns = {"deleted_at": context.now} if before["deleted_at"] is None else {}
        return await transaction.update(API_KEYS, before, columns, "deleted")


async def rotate_key(
    context: OperationContext,
    key_id: str,
    overlap: float,
    expected: ExpectedVersion | None = None,
    randomness: Callable[[int], str] = token_urlsafe,
) -> IssuedKey:
    """Create a key for the same, and let the old one expire in `overlap` seconds, or when it would have anyway.

    Raises InvalidRecordError for a key that is no longer good, and DirectoryError.
    """
    async with changing(context) as transaction:
        before = await transaction.locked(API_KEYS, key_id, expected=expected)
        ends_at = before["expires_at"]
        if before["deleted_at"] is not None or (ends_at is not None and ends_at <= context.now):
            raise InvalidRecordError(f"api_key {key_id} is no longer good: create a new one")
        last = context.now + timedelta(seconds=overlap)
        await transaction.update(
            API_KEYS, before, {"expires_at": last if ends_at is None else min(last, ends_at)}, "rotated"
        )
        names = ("type", "name", "organization_id", "project_id", "member_id", "scopes", "expires_at")
        return await _issue(transaction, {name: before[name] for name in names}, randomness)


async def _issue(
    transaction: ChangeTransaction, columns: dict[str, Any], randomness: Callable[[int], str]
) -> IssuedKey:
    context = transaction.context
    key = _KEY_PREFIXES[columns["type"]] + randomness(_KEY_BYTES)
    row = {
        **columns,
        "id": str(uuid4()),
        "hash": context.required_peppers.hash(key),
        "prefix": visible_prefix(key),
        "auto_id": await transaction.next_number(api_keys),
        "created_at": context.now,
        "updated_at": context.now,
    }
    return IssuedKey(await transaction.insert(API_KEYS, row), key)


async def _organization(transaction: ChangeTransaction, member_id: str) -> str:
    query = select(members.c.organization_id).where(members.c.id == member_id)
    found = await transaction.connection.scalar(query)
    if found is None:
        raise InvalidRecordError(f"member: there is no {member_id} in members")
    return str(found)


async def _project(transaction: ChangeTransaction, project: str | None, organization_id: str) -> str | None:
    if project is None:
        return None
    named = or_(projects.c.id == project, projects.c.nano_id == project)
    within = select(projects.c.id).where(named, projects.c.organization_id == organization_id)
    found = await transaction.connection.scalar(within)
    if found is None:
        raise InvalidRecordError(f"project: there is no {project} in the member's organization")
    return str(found)
