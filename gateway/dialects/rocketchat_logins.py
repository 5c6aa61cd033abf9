"""Rocket.Chat's JSON of logins, key for key in the order of its documents."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from gateway.dialects.action import LoginPage, WantedLogins
from gateway.dialects.rocketchat_wire import RocketChatDevice, session_document
from gateway.model.errors import MissingRecordError
from gateway.model.session import Session


class RocketChatPerson(msgspec.Struct, omit_defaults=True):
    """Whose login it is."""

    username: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class RocketChatLogin(msgspec.Struct, kw_only=True):
    """One login; managers see `_user` too. An unknown field is absent."""

    sessionId: str  # noqa: N815 - the product's own key, as are those below
    userId: str  # noqa: N815
    device: RocketChatDevice | UnsetType = UNSET
    host: str | UnsetType = UNSET
    ip: str | UnsetType = UNSET
    loginAt: str | UnsetType = UNSET  # noqa: N815
    person: RocketChatPerson | UnsetType = msgspec.field(name="_user", default=UNSET)
    document_id: str = msgspec.field(name="_id")
    success: bool | UnsetType = UNSET


class RocketChatLogins(msgspec.Struct):
    """A page of logins; `count` is how many were asked for."""

    sessions: list[RocketChatLogin]
    total: int
    count: int
    offset: int
    success: bool = True


class RocketChatEnded(msgspec.Struct):
    """The session that was ended."""

    sessionId: str  # noqa: N815
    success: bool = True


class RocketChatMessage(msgspec.Struct):
    """A sentence for a person."""

    message: str


class RocketChatLoggedOut(msgspec.Struct):
    """The caller's login is over."""

    status: str
    data: RocketChatMessage


class RocketChatToken(msgspec.Struct):
    """The caller's own login, which goes on."""

    token: str
    tokenExpires: str  # noqa: N815
    success: bool = True


class NamedSession(msgspec.Struct, forbid_unknown_fields=True):
    """Which session is meant."""

    sessionId: Annotated[str, msgspec.Meta(max_length=255)]  # noqa: N815


def logins_document(page: LoginPage, wanted: WantedLogins) -> RocketChatLogins:
    """Return a page of logins; raises MissingRecordError for a session that is nobody's."""
    rows = [login_document(session, with_person=wanted.everybody) for session in page.sessions]
    return RocketChatLogins(rows, page.total, wanted.count, wanted.offset)


def login_document(session: Session, *, with_person: bool) -> RocketChatLogin:
    """Return a login as the product lists it; raises MissingRecordError for a session that is nobody's."""
    document = session_document(session)
    if document is None:
        raise MissingRecordError("a session of nobody's")
    login = RocketChatLogin(
        sessionId=document.sessionId,
        userId=document.userId,
        device=document.device,
        host=document.host,
        ip=document.ip,
        loginAt=document.loginAt,
        document_id=document.sessionId,
    )
    if with_person and session.user is not None:
        login.person = RocketChatPerson(session.user.username or UNSET, session.user.name or UNSET)
    return login
