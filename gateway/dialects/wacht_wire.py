"""wacht's JSON, key for key in the order of its document, encoded from our Session and decoded into it.

The document has the session beside `data`; the product puts the session's own fields into `data` too. We encode both,
and decode either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.dialects.wire_times import NonEmptyText, WireInstant, maybe_utc, utc
from gateway.model.session import Organization, Session, SignIn, User, Workspace


class WachtUser(msgspec.Struct, kw_only=True):
    """Who is signed in."""

    id: NonEmptyText
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    username: str | None = None
    image_url: str | None = None
    created_at: WireInstant | None = None
    updated_at: WireInstant | None = None


class WachtOrganization(msgspec.Struct, kw_only=True):
    """The organization that the session is bound to."""

    id: NonEmptyText
    name: str | None = None
    slug: str | None = None
    image_url: str | None = None


class WachtWorkspace(msgspec.Struct, kw_only=True):
    """The workspace that the session is in."""

    id: NonEmptyText
    name: str | None = None
    slug: str | None = None


class WachtSignIn(msgspec.Struct):
    """One signing-in within the session."""

    id: NonEmptyText
    user_id: NonEmptyText
    created_at: WireInstant


class WachtData(msgspec.Struct, kw_only=True):
    """Who, where, and the product's own view of the session; null where there is none."""

    user: WachtUser | None = None
    organization: WachtOrganization | None = None
    workspace: WachtWorkspace | None = None
    id: NonEmptyText | None = None
    created_at: WireInstant | None = None
    updated_at: WireInstant | None = None
    active_signin: WachtSignIn | None = None
    signins: list[WachtSignIn] = []


class WachtSession(msgspec.Struct, kw_only=True):
    """The session; without `active_signin` nobody is signed in."""

    signin_attempts: list[dict[str, Any]] = []
    signins: list[WachtSignIn] = []
    signup_attempts: list[dict[str, Any]] = []
    active_signin: WachtSignIn | None = None
    id: NonEmptyText | None = None
    created_at: WireInstant | None = None
    updated_at: WireInstant | None = None


class WachtError(msgspec.Struct):
    """One thing that is wrong."""

    code: str
    message: str


class WachtAnswer(msgspec.Struct):
    """A success. `errors` is null in the product's profile."""

    status: int
    message: str
    data: WachtData
    session: WachtSession
    errors: list[WachtError] | None


class WachtRefusal(msgspec.Struct):
    """Every failure: the same envelope, empty."""

    status: int
    message: str
    data: None
    session: None
    errors: list[WachtError]


class WachtRemoteAnswer(msgspec.Struct, kw_only=True):
    """What a remote's success must contain: the envelope, and the session in one place or both."""

    status: int
    data: WachtData
    session: WachtSession | None = None
    errors: list[WachtError] | None


def anonymous_answer(session_id: str, now: datetime) -> WachtAnswer:
    """Return the product's answer to an unknown caller: a session that nobody is signed in to."""
    at = utc(now)
    data = WachtData(id=session_id, created_at=at, updated_at=at)
    return WachtAnswer(200, "", data, WachtSession(id=session_id, created_at=at, updated_at=at), None)


def answer(session: Session, errors: list[WachtError] | None) -> WachtAnswer:
    """Return the session in the product's envelope."""
    signins = [_signin(signin) for signin in session.signins]
    active = None if session.active_signin is None else _signin(session.active_signin)
    created_at, updated_at = maybe_utc(session.created_at), maybe_utc(session.updated_at)
    data = WachtData(
        user=None if session.user is None else _user(session.user),
        organization=None if session.organization is None else _organization(session.organization),
        workspace=None if session.workspace is None else _workspace(session.workspace),
        id=session.id,
        created_at=created_at,
        updated_at=updated_at,
        active_signin=active,
        signins=signins,
    )
    wacht_session = WachtSession(
        signin_attempts=list(session.signin_attempts),
        signins=signins,
        signup_attempts=list(session.signup_attempts),
        active_signin=active,
        id=session.id,
        created_at=created_at,
        updated_at=updated_at,
    )
    return WachtAnswer(200, "", data, wacht_session, errors)


def session_of_answer(remote_answer: WachtRemoteAnswer) -> Session | None:
    """Return our Session, or `None` when nobody is signed in.

    Raises msgspec.ValidationError when the answer names two users, since either would be a guess.
    """
    data, wacht_session = remote_answer.data, remote_answer.session or WachtSession()
    active = wacht_session.active_signin or data.active_signin
    if active is None:
        return None
    if data.user is not None and data.user.id != active.user_id:
        raise msgspec.ValidationError("the user is not the one who is signed in")
    return Session(
        subject=active.user_id,
        id=wacht_session.id or data.id,
        user=_our_user(data.user) if data.user is not None else User(id=active.user_id),
        organization=None if data.organization is None else _our_organization(data.organization),
        workspace=None if data.workspace is None else _our_workspace(data.workspace),
        signins=tuple(_our_signin(signin) for signin in wacht_session.signins or data.signins),
        active_signin=_our_signin(active),
        signin_attempts=tuple(wacht_session.signin_attempts),
        signup_attempts=tuple(wacht_session.signup_attempts),
        created_at=maybe_utc(wacht_session.created_at or data.created_at),
        updated_at=maybe_utc(wacht_session.updated_at or data.updated_at),
    )


def _user(user: User) -> WachtUser:
    return WachtUser(
        id=user.id,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        username=user.username,
        image_url=user.image_url,
        created_at=maybe_utc(user.created_at),
        updated_at=maybe_utc(user.updated_at),
    )


def _our_user(user: WachtUser) -> User:
    fields = {name: getattr(user, name) for name in user.__struct_fields__}
    fields["created_at"], fields["updated_at"] = maybe_utc(user.created_at), maybe_utc(user.updated_at)
    full_name = " ".join(name for name in (user.first_name, user.last_name) if name)
    return User(**fields, name=full_name or None)


def _organization(organization: Organization) -> WachtOrganization:
    return WachtOrganization(
        id=organization.id, name=organization.name, slug=organization.slug, image_url=organization.image_url
    )


def _our_organization(organization: WachtOrganization) -> Organization:
    return Organization(
        id=organization.id, name=organization.name, slug=organization.slug, image_url=organization.image_url
    )


def _workspace(workspace: Workspace) -> WachtWorkspace:
    return WachtWorkspace(id=workspace.id, name=workspace.name, slug=workspace.slug)


def _our_workspace(workspace: WachtWorkspace) -> Workspace:
    return Workspace(id=workspace.id, name=workspace.name, slug=workspace.slug)


def _signin(signin: SignIn) -> WachtSignIn:
    return WachtSignIn(signin.id, signin.user_id, utc(signin.created_at))


def _our_signin(signin: WachtSignIn) -> SignIn:
    return SignIn(id=signin.id, user_id=signin.user_id, created_at=utc(signin.created_at))
