"""API keys as operations return and take them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gateway.directory.operations.record_fields import FieldText, Moment, RowId, Texts
from gateway.directory.operations.record_table import RecordRow, RecordTable
from gateway.directory.tables import api_keys

KeyType = Literal["project", "user", "organization"]

KeyOverlap = Annotated[float, msgspec.Meta(ge=0, le=366 * 86400)]
"""Seconds for which a rotated key stays good beside the new one."""


class ApiKeyRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A key, by its visible beginning; without an `organization` or `member` it is refused as gone."""

    type: str
    name: str
    prefix: str
    organization: str | None = None
    project: str | None = None
    member: str | None = None
    scopes: tuple[str, ...] = ()
    auto_id: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    deleted_at: datetime | None = None


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to create: for a `member`, and for keys of the type project the `project`, by id or nano id."""

    type: KeyType
    member: RowId
    name: FieldText = "key"
    project: RowId | None = None
    scopes: Texts = ()
    expires_at: Moment | None = None


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key, to be shown once: nobody can read it again."""

    api_key: ApiKeyRow
    key: str

    def __repr__(self) -> str:
        """Show no key."""
        return f"IssuedKey({self.api_key.id})"


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a key to set; `expires_at` null: never."""

    name: FieldText | UnsetType = UNSET
    scopes: Texts | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET


class KeyFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys to list: all that have every field that is given; `live` ones are neither deleted nor expired."""

    member: str | None = None
    project: str | None = None
    organization: str | None = None
    type: str | None = None
    live: bool | None = None


API_KEYS = RecordTable("api_key", api_keys, ApiKeyRow)
