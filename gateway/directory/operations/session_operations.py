"""Sessions: opened by a login of one's own, listed, switched and ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Literal
from uuid import uuid4

from msgspec import UNSET
from sqlalchemy import and_, bindparam, not_, select

from gateway.directory.hashing import login_token_hash
from gateway.directory.operations.closing import close_session, close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion, checked
from gateway.directory.operations.record_table import Condition, columns_of
from gateway.directory.operations.refresh_tokens import expiry_of, issue_refresh_token, open_family
from gateway.directory.operations.session_rows import (
    SESSIONS,
    IssuedSession,
    NewSession,
    SessionChange,
    SessionFilter,
    SessionPair,
    SessionRow,
    live,
)
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.session_tokens import SessionTokens
from gateway.directory.store import Directory
from gateway.directory.stored import ACTIVE, judge_session
from gateway.directory.tables import members, sessions, signins, users, workspaces
from gateway.directory.user_agents import device_of
from gateway.model.errors import DirectoryError, InvalidRecordError
from gateway.model.session import Device, RevocationKind, RevocationTarget, Session

TokenKind = Literal["bearer", "cookie"]

_TOKEN_BYTES = 32
"""Random bytes of a login token: 256 bits, as Rocket.Chat's have, since its hash has no pepper."""

_PLACE = (
    select(members.c.status, workspaces.c.id)
    .select_from(
        users.outerjoin(
            members,
            and_(members.c.user_id == users.c.id, members.c.organization_id == bindparam("organization")),
        ).outerjoin(
            workspaces,
            and_(workspaces.c.id == bindparam("workspace"), workspaces.c.organization_id == bindparam("organization")),
        )
    )
    .where(users.c.id == bindparam("user"))
)
"""A user's membership and the workspace of a place; no row without the user. Made once: it stands in a login."""


async def create_session(
    context: OperationContext, new: NewSession, randomness: Callable[[int], str] = token_urlsafe
) -> IssuedSession:
    """Open a session with one sign-in of its user, and sign its tokens; one query and three inserts."""
    checked(new)
    wanted: set[str] = set(new.credentials or ())
    if new.credentials is None:
        wanted = {"cookie", "bearer", "pair"} if context.tokens is not None else {"pair"}
    tokens = context.required_tokens if {"cookie", "bearer", "refresh"} & wanted else None
    login_token = randomness(_TOKEN_BYTES) if "pair" in wanted else None
    session_id, signin_id = str(uuid4()), str(uuid4())
    columns = {**_new_columns(context, new, login_token), "id": session_id, "active_signin_id": signin_id}
    async with changing(context) as transaction:
        await _require_place(transaction, new.user, new.organization, new.workspace)
        row = await transaction.insert(SESSIONS, columns)
        signin = {"id": signin_id, "session_id": session_id, "user_id": new.user, "created_at": context.now}
        await transaction.connection.execute(signins.insert(), signin)
        refresh = None
        if tokens is not None and "refresh" in wanted:
            expires_at = expiry_of(row.expires_at, context.now, tokens.refresh_ttl)
            peppers = context.required_peppers
            refresh = await open_family(transaction.connection, peppers, session_id, context.now, expires_at)
    named = Session(subject=new.user, id=session_id, expires_at=row.expires_at)
    return IssuedSession(
        row,
        cookie=tokens.issue_cookie(named) if tokens is not None and "cookie" in wanted else None,
        bearer=tokens.issue_access(named) if tokens is not None and "bearer" in wanted else None,
        pair=SessionPair(new.user, login_token) if login_token is not None else None,
        refresh=refresh,
    )


async def show_session(context: OperationContext, session_id: str, owner: str | None = None) -> SessionRow:
    """Return a session; with an `owner` only one of that user."""
    return await SESSIONS.show(context, session_id, *_owned_by(owner))


async def list_sessions(
    context: OperationContext, wanted: SessionFilter, order: PageOrder = FIRST_PAGE
) -> Page[SessionRow]:
    """Return a page of the sessions that are wanted."""
    conditions = _owned_by(wanted.user)
    if wanted.organization is not None:
        conditions.append(sessions.c.organization_id == wanted.organization)
    if wanted.live is not None:
        conditions.append(live(context) if wanted.live else not_(live(context)))
    return await SESSIONS.page(context, conditions, order)


async def change_session(
    context: OperationContext,
    session_id: str,
    change: SessionChange,
    expected: ExpectedVersion | None = None,
    owner: str | None = None,
) -> SessionRow:
    """Switch a session's organization, workspace or sign-in, or set its scopes or its end.

    With an `owner` only a live one of that user.
    """
    columns = columns_of(checked(change))
    async with changing(context) as transaction:
        before = await transaction.locked(SESSIONS, session_id, *_live_of(owner), expected=expected)
        if change.active_signin is not UNSET:
            user_id = await _user_of_signin(transaction, session_id, change.active_signin)
            if user_id != before["user_id"]:
                columns = {"organization_id": None, "workspace_id": None, **columns, "user_id": user_id}
        if columns.get("organization_id", before["organization_id"]) != before["organization_id"]:
            columns = {"workspace_id": None, **columns}
        after = {**before, **columns}
        if {"organization_id", "workspace_id"} & set(columns):
            await _require_place(transaction, after["user_id"], after["organization_id"], after["workspace_id"])
        return await transaction.update(SESSIONS, before, columns)


async def end_session(context: OperationContext, session_id: str, owner: str | None = None) -> SessionRow:
    """Log a session out; its row stays, as `closed`, and an earlier logout's instant too.

    With an `owner`, one that is unknown, another user's or ended is missing alike.
    """
    async with changing(context) as transaction:
        before = await transaction.locked(SESSIONS, session_id, *_live_of(owner))
        after = await close_session(transaction, before)
        transaction.tell(RevocationTarget(RevocationKind.SESSION, session_id), ended=True)
    return SESSIONS.row_of(after)


async def end_sessions(context: OperationContext, user_id: str, keep: str | None = None) -> tuple[str, ...]:
    """Log out every session of a user, or every one but `keep`; return the ids of those that were live."""
    others = [sessions.c.id != keep] if keep is not None else []
    async with changing(context) as transaction:
        return await close_sessions(transaction, sessions.c.user_id == user_id, *others)


async def issue_token(
    context: OperationContext, session_id: str, kind: TokenKind | Literal["refresh"], ttl: float | None = None
) -> str:
    """Sign a bearer or cookie token for a live session, good for `ttl` seconds; or make it a refresh token."""
    if kind == "refresh":
        token = await issue_refresh_token(context, session_id, ttl)
    else:
        token = await sign_token(context.directory, context.required_tokens, session_id, kind, context.now, ttl)
    context.audit.changed(context.actor, (SESSIONS.noun, session_id), f"{kind} token issued")
    return token


async def sign_token(
    directory: Directory,
    tokens: SessionTokens,
    session_id: str,
    kind: TokenKind,
    now: datetime,
    ttl: float | None = None,
) -> str:
    """Sign a token for a live session, good for `ttl` seconds; raises DirectoryError."""
    stored = await directory.session_by_id(session_id)
    if stored is None:
        raise SESSIONS.missing(session_id)
    reason = judge_session(stored, now)
    if reason is not None:
        raise DirectoryError(f"the session {session_id} is no good: {reason}")
    return tokens.issue_cookie(stored.session, ttl) if kind == "cookie" else tokens.issue_access(stored.session, ttl)


def _new_columns(context: OperationContext, new: NewSession, login_token: str | None) -> dict[str, Any]:
    device = Device(**{name: getattr(new.device, name) for name in Device.__struct_fields__}) if new.device else None
    if device is None and new.user_agent is not None:
        device = device_of(new.user_agent)
    devices = {f"device_{name}": getattr(device, name, None) for name in Device.__struct_fields__}
    return {
        **devices,
        "user_id": new.user,
        "organization_id": new.organization,
        "workspace_id": new.workspace,
        "state": ACTIVE,
        "scopes": list(new.scopes),
        "login_at": context.now,
        "login_type": new.login_type,
        "login_ip": new.ip,
        "login_host": new.host,
        "login_token_hash": login_token_hash(login_token) if login_token is not None else None,
        "signin_attempts": [],
        "signup_attempts": [],
        "created_at": context.now,
        "updated_at": context.now,
        "last_activity_at": context.now,
        "expires_at": context.now + timedelta(seconds=new.ttl) if new.ttl is not None else None,
        "idle": new.idle,
    }


async def _require_place(
    transaction: ChangeTransaction, user_id: str | None, organization_id: str | None, workspace_id: str | None
) -> None:
    """Raise InvalidRecordError unless the user may act there: a session must not reach into what its user has left."""
    parameters = {"user": user_id, "organization": organization_id, "workspace": workspace_id}
    place = (await transaction.connection.execute(_PLACE, parameters)).first()
    if place is None and user_id is not None:
        raise InvalidRecordError(f"user: there is no {user_id} in {users.name}")
    status, workspace = place or (None, None)
    if organization_id is not None and status != ACTIVE:
        raise InvalidRecordError(f"organization: the user is no active member of {organization_id}")
    if workspace_id is not None and workspace is None:
        raise InvalidRecordError(f"workspace: {workspace_id} is not of the session's organization")


async def _user_of_signin(transaction: ChangeTransaction, session_id: str, signin_id: object) -> str:
    within = select(signins.c.user_id).where(signins.c.id == signin_id, signins.c.session_id == session_id)
    user_id = await transaction.connection.scalar(within)
    if user_id is None:
        raise InvalidRecordError(f"active_signin: {signin_id} is no sign-in of this session")
    return str(user_id)


def _owned_by(owner: str | None) -> list[Condition]:
    return [sessions.c.user_id == owner] if owner is not None else []


def _live_of(owner: str | None) -> list[Condition]:
    return [sessions.c.user_id == owner, sessions.c.closed_at.is_(None)] if owner is not None else []
