"""Rocket.Chat's JSON, key for key in the document's order, and our Session as such a document and back (seed 004)."""

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
    """A success. What is unknown is absent, never null; `day`, `month` and `year` are the login's, in UTC."""

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
    """Every failure. `status` and `message` are what servers before version 5 said, and only of 401."""

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
    said = RocketChatSession(type=_TYPE, sessionId=session.id, userId=user.id, roles=list(session.roles), success=True)
    if login is not None:
        _tell_login(said, login)
    if session.device is not None:
        said.device = _device(session.device)
    said.searchTerm = (login.search_term if login is not None else None) or _search_term(said)
    said.createdAt = _instant(session.created_at)
    said.updated_at = _instant(session.updated_at)
    said.closedAt = _instant(session.closed_at)
    said.lastActivityAt = _instant(session.last_activity_at)
    return said


def session_of_document(said: RocketChatSession) -> Session:
    """Return our Session; raises msgspec.ValidationError for instants that are none."""
    closed_at = maybe_parse_instant(_known(said.closedAt))
    return Session(
        subject=said.userId,
        id=said.sessionId,
        state="closed" if closed_at is not None else "active",
        user=User(id=said.userId),
        roles=tuple(_known(said.roles) or ()),
        device=_our_device(said.device) if said.device is not UNSET else None,
        login=_our_login(said) if said.loginAt is not UNSET else None,
        created_at=maybe_parse_instant(_known(said.createdAt)),
        updated_at=maybe_parse_instant(_known(said.updated_at)),
        last_activity_at=maybe_parse_instant(_known(said.lastActivityAt)),
        closed_at=closed_at,
    )


def _tell_login(said: RocketChatSession, login: Login) -> None:
    at = login.at.astimezone(UTC)
    said.document_id = _said(login.document_id)
    said.type = login.type or _TYPE
    said.instanceId = _said(login.instance_id)
    said.loginToken = _said(login.token_hash)
    said.ip = _said(login.ip)
    said.host = _said(login.host)
    said.mostImportantRole = _said(login.most_important_role)
    said.loginAt = milliseconds(at)
    said.day, said.month, said.year = at.day, at.month, at.year


def _our_login(said: RocketChatSession) -> Login:
    return Login(
        at=msgspec.convert(said.loginAt, WireInstant),
        document_id=_known(said.document_id),
        type=_known(said.type),
        instance_id=_known(said.instanceId),
        token_hash=_known(said.loginToken),
        ip=_known(said.ip),
        host=_known(said.host),
        most_important_role=_known(said.mostImportantRole),
        search_term=_known(said.searchTerm),
    )


def _device(device: Device) -> RocketChatDevice:
    said = RocketChatDevice(
        type=_said(device.type),
        name=_said(device.name),
        longVersion=_said(device.long_version),
        version=_said(device.version),
    )
    if device.os_name is not None or device.os_version is not None:
        said.os = RocketChatOs(_said(device.os_name), _said(device.os_version))
    return said


def _our_device(said: RocketChatDevice) -> Device:
    os = said.os if said.os is not UNSET else RocketChatOs()
    return Device(
        type=_known(said.type),
        name=_known(said.name),
        version=_known(said.version),
        long_version=_known(said.longVersion),
        os_name=_known(os.name),
        os_version=_known(os.version),
    )


def _search_term(said: RocketChatSession) -> str:
    """Join what the product lets people search for: device, system, session and user."""
    device = said.device if said.device is not UNSET else RocketChatDevice()
    os = device.os if device.os is not UNSET else RocketChatOs()
    facts = (_known(device.name), _known(device.type), _known(os.name), said.sessionId, said.userId)
    return "".join(fact for fact in facts if fact is not None)


def _instant(instant: datetime | None) -> str | UnsetType:
    return UNSET if instant is None else milliseconds(instant)


def _said(value: str | None) -> str | UnsetType:
    """Leave out what is not known."""
    return UNSET if value is None else value


def _known(value: _Value | UnsetType) -> _Value | None:
    return None if isinstance(value, UnsetType) else value
