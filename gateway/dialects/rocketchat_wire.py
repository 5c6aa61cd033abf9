"""Rocket.Chat's JSON, key for key in the order of its document, encoded from our Session and decoded into it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from gateway.dialects.wire_times import Milliseconds, NonEmptyText, WireInstant, maybe_parse_instant, milliseconds
from gateway.model.session import Device, Login, Session, User

_Value = TypeVar("_Value")

_TYPE = "session"
"""The `type` of every session document."""


class RocketChatOs(msgspec.Struct, omit_defaults=True):
    """The device's system."""

    name: str | UnsetType = UNSET
    version: str | UnsetType = UNSET


class RocketChatDevice(msgspec.Struct, omit_defaults=True):
    """The device that the session was opened from."""

    type: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    longVersion: str | UnsetType = UNSET  # noqa: N815 - the product's own key
    os: RocketChatOs | UnsetType = UNSET
    version: str | UnsetType = UNSET


class RocketChatSession(msgspec.Struct, kw_only=True):
    """A success. An unknown field is absent, never null; `day`, `month` and `year` are the login's, in UTC."""

    document_id: str | UnsetType = msgspec.field(name="_id", default=UNSET)
    type: str | UnsetType = UNSET
    sessionId: NonEmptyText  # noqa: N815 - the product's own key, as are those below
    instanceId: str | UnsetType = UNSET  # noqa: N815
    loginToken: str | UnsetType = UNSET  # noqa: N815
    ip: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    device: RocketChatDevice | UnsetType = UNSET
    userId: NonEmptyText  # noqa: N815
    roles: list[str] | UnsetType = UNSET
    mostImportantRole: str | UnsetType = UNSET  # noqa: N815
    loginAt: Milliseconds | UnsetType = UNSET  # noqa: N815
    day: int | UnsetType = UNSET
    month: int | UnsetType = UNSET
    year: int | UnsetType = UNSET
    searchTerm: str | UnsetType = UNSET  # noqa: N815
    createdAt: Milliseconds | UnsetType = UNSET  # noqa: N815
    updated_at: Milliseconds | UnsetType = msgspec.field(name="_updatedAt", default=UNSET)
    closedAt: Milliseconds | UnsetType = UNSET  # noqa: N815
    lastActivityAt: Milliseconds | UnsetType = UNSET  # noqa: N815
    success: bool


class RocketChatError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every failure. `status` and `message` are what servers before version 5 send, for 401 alone."""

    status: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    success: bool
    error: str
    errorType: str | UnsetType = UNSET  # noqa: N815 - the product's own key


def session_document(session: Session) -> RocketChatSession | None:
    """Return the session as the product shows it, or `None` for one that is no user's or has no id."""
    user, login = session.user, session.login
    if user is None or session.id is None:
        return None
    document = RocketChatSession(
        type=_TYPE, sessionId=session.id, userId=user.id, roles=list(session.roles), success=True
    )
    if login is not None:
        _set_login(document, login)
    if session.device is not None:
        document.device = _device(session.device)
    document.searchTerm = (login.search_term if login is not None else None) or _search_term(document)
    document.createdAt = _instant(session.created_at)
    document.updated_at = _instant(session.updated_at)
    document.closedAt = _instant(session.closed_at)
    document.lastActivityAt = _instant(session.last_activity_at)
    return document


def session_of_document(document: RocketChatSession) -> Session:
    """Return our Session; raises msgspec.ValidationError for a malformed instant."""
    closed_at = maybe_parse_instant(_or_none(document.closedAt))
    return Session(
        subject=document.userId,
        id=document.sessionId,
        state="closed" if closed_at is not None else "active",
        user=User(id=document.userId),
        roles=tuple(_or_none(document.roles) or ()),
        device=_our_device(document.device) if document.device is not UNSET else None,
        login=_our_login(document) if document.loginAt is not UNSET else None,
        created_at=maybe_parse_instant(_or_none(document.createdAt)),
        updated_at=maybe_parse_instant(_or_none(document.updated_at)),
        last_activity_at=maybe_parse_instant(_or_none(document.lastActivityAt)),
        closed_at=closed_at,
    )


def _set_login(document: RocketChatSession, login: Login) -> None:
    at = login.at.astimezone(UTC)
    document.document_id = _or_unset(login.document_id)
    document.type = login.type or _TYPE
    document.instanceId = _or_unset(login.instance_id)
    document.loginToken = _or_unset(login.token_hash)
    document.ip = _or_unset(login.ip)
    document.host = _or_unset(login.host)
    document.mostImportantRole = _or_unset(login.most_important_role)
    document.loginAt = milliseconds(at)
    document.day, document.month, document.year = at.day, at.month, at.year


def _our_login(document: RocketChatSession) -> Login:
    return Login(
        at=msgspec.convert(document.loginAt, WireInstant),
        document_id=_or_none(document.document_id),
        type=_or_none(document.type),
        instance_id=_or_none(document.instanceId),
        token_hash=_or_none(document.loginToken),
        ip=_or_none(document.ip),
        host=_or_none(document.host),
        most_important_role=_or_none(document.mostImportantRole),
        search_term=_or_none(document.searchTerm),
    )


def _device(our: Device) -> RocketChatDevice:
    device = RocketChatDevice(
        type=_or_unset(our.type),
        name=_or_unset(our.name),
        longVersion=_or_unset(our.long_version),
        version=_or_unset(our.version),
    )
    if our.os_name is not None or our.os_version is not None:
        device.os = RocketChatOs(_or_unset(our.os_name), _or_unset(our.os_version))
    return device


def _our_device(device: RocketChatDevice) -> Device:
    os = device.os if device.os is not UNSET else RocketChatOs()
    return Device(
        type=_or_none(device.type),
        name=_or_none(device.name),
        version=_or_none(device.version),
        long_version=_or_none(device.longVersion),
        os_name=_or_none(os.name),
        os_version=_or_none(os.version),
    )


def _search_term(document: RocketChatSession) -> str:
    """Join what the product lets people search for: device, system, session and user."""
    device = document.device if document.device is not UNSET else RocketChatDevice()
    os = device.os if device.os is not UNSET else RocketChatOs()
    texts = (_or_none(device.name), _or_none(device.type), _or_none(os.name), document.sessionId, document.userId)
    return "".join(text for text in texts if text is not None)


def _instant(instant: datetime | None) -> str | UnsetType:
    return UNSET if instant is None else milliseconds(instant)


def _or_unset(value: str | None) -> str | UnsetType:
    """Return the value, or UNSET so that an unknown field is left out."""
    return UNSET if value is None else value


def _or_none(value: _Value | UnsetType) -> _Value | None:
    return None if isinstance(value, UnsetType) else value
