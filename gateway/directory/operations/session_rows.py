"""Sessions as operations return and take them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import BigInteger, ColumnElement, and_, func, or_, type_coerce

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.record_fields import FieldText, Moment, RowId, Texts
from gateway.directory.operations.record_table import ColumnValues, RecordRow, RecordTable, plain_fields
from gateway.directory.stored_instant import microseconds
from gateway.directory.tables import sessions
from gateway.model.session import Device

SHORTEST_SESSION = 1.0
"""Second: the times of tokens are whole ones."""
LONGEST_SESSION = 10 * 366 * 86400.0
"""Seconds: ten years."""
SHORTEST_IDLE = 300
"""Seconds: a use is stored within a minute or two, or the next one."""

_MICROSECONDS = 1_000_000


class SessionLogin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a session was opened; the hash of its login token is not shown."""

    at: datetime
    type: str | None = None
    ip: str | None = None
    host: str | None = None


class SessionRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """A session; `user` is absent once its user is deleted, and one that has `closed_at` is logged out."""

    user: str | None = None
    organization: str | None = None
    workspace: str | None = None
    state: str
    scopes: tuple[str, ...] = ()
    device: Device | None = None
    login: SessionLogin | None = None
    active_signin: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_activity_at: datetime | None = None
    expires_at: datetime | None = None
    idle: int | None = None
    closed_at: datetime | None = None


def _session_fields(row: type[RecordRow], values: ColumnValues) -> dict[str, Any]:
    device = {name: values[f"device_{name}"] for name in Device.__struct_fields__}
    login = {name: values[f"login_{name}"] for name in SessionLogin.__struct_fields__}
    return {
        **plain_fields(row, values),
        "device": Device(**device) if any(device.values()) else None,
        "login": SessionLogin(**login) if login["at"] is not None else None,
    }


SESSIONS = RecordTable("session", sessions, SessionRow, _session_fields)


def live(context: OperationContext) -> ColumnElement[bool]:
    """Return the condition that a session is neither closed, nor expired, nor out of use for too long."""
    lasting = or_(sessions.c.expires_at.is_(None), sessions.c.expires_at > context.now)
    used_at = type_coerce(func.coalesce(sessions.c.last_activity_at, sessions.c.created_at), BigInteger)
    idle_at = used_at + sessions.c.idle * _MICROSECONDS
    used = or_(sessions.c.idle.is_(None), used_at.is_(None), idle_at > microseconds(context.now))
    return and_(sessions.c.closed_at.is_(None), lasting, used)


class NewDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device that a session is opened from."""

    type: FieldText | None = None
    name: FieldText | None = None
    version: FieldText | None = None
    long_version: FieldText | None = None
    os_name: FieldText | None = None
    os_version: FieldText | None = None


class NewSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session to open for a user who has signed in.

    Where `device` is missing, it is read from `user_agent`. `ip` and `host` are those of the sign-in, `login_type` how
    it was done. `ttl` is in seconds; without it the session lasts until it is ended. It ends sooner when it was not in
    use for `idle` seconds. `credentials` are what is to be handed to the caller: a cookie, a bearer token, a user id
    with a login token, a refresh token; by default all but the last that the directory has.
    """

    user: RowId
    organization: RowId | None = None
    workspace: RowId | None = None
    scopes: Texts = ()
    device: NewDevice | None = None
    user_agent: FieldText | None = None
    ip: FieldText | None = None
    host: FieldText | None = None
    login_type: FieldText | None = None
    ttl: Annotated[float, msgspec.Meta(ge=SHORTEST_SESSION, le=LONGEST_SESSION)] | None = None
    idle: Annotated[int, msgspec.Meta(ge=SHORTEST_IDLE, le=int(LONGEST_SESSION))] | None = None
    credentials: tuple[Literal["cookie", "bearer", "pair", "refresh"], ...] | None = None


class SessionPair(msgspec.Struct, frozen=True):
    """A user's id and the login token of one of its sessions."""

    user_id: str
    token: str

    def __repr__(self) -> str:
        """Show no token."""
        return f"SessionPair({self.user_id})"


class IssuedSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """A new session, and its credentials: nobody can read those again."""

    session: SessionRow
    cookie: str | None = None
    bearer: str | None = None
    pair: SessionPair | None = None
    refresh: str | None = None

    def __repr__(self) -> str:
        """Show no credential."""
        return f"IssuedSession({self.session.id})"


class SessionChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a session to switch or set; null empties a field.

    Another organization leaves the workspace, and a sign-in of another user leaves both.
    """

    organization: RowId | UnsetType | None = UNSET
    workspace: RowId | UnsetType | None = UNSET
    active_signin: RowId | UnsetType = UNSET
    scopes: Texts | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sessions to list: all that have every field that is given; `live` ones are neither closed nor expired."""

    user: str | None = None
    organization: str | None = None
    live: bool | None = None
