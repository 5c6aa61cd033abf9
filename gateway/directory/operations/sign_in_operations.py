"""People who sign in at an issuer: known by (issuer, subject), given a session each time, and ended with the issuer's.

Never by an e-mail address, which an issuer may give to another person, and another issuer to anybody.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.session_operations import create_session, end_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.operations.transaction import changing
from gateway.directory.operations.user_operations import NewUser, UserChange, change_user, create_user, delete_user
from gateway.directory.sign_in_tables import identities, provider_sessions, used_token_ids
from gateway.directory.tables import sessions
from gateway.model.errors import DirectoryError
from gateway.model.external_identity import EndedAtIssuer, ExternalIdentity
from gateway.model.session import RevocationKind, RevocationTarget, Session

_FACTS = ("email", "name", "username", "first_name", "last_name", "image_url")
_REFRESH_CLAIM = timedelta(seconds=30)
_KEPT_AFTER_EXPIRY = timedelta(minutes=5)
"""For which a used id is kept beyond its token's end: the clocks of replicas differ."""


class ExternalSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session to open for who signed in at an issuer. `sealed` are the issuer's tokens; times are in seconds."""

    identity: ExternalIdentity
    sealed: bytes
    ttl: float
    idle: int | None = None
    fresh_until: datetime | None = None
    ip: str | None = None
    host: str | None = None
    user_agent: str | None = None


class StoredProviderTokens(msgspec.Struct, frozen=True):
    """The issuer's tokens of a session, as they are stored."""

    provider: str
    issuer: str
    subject: str
    sealed: bytes


class RefreshedTokens(msgspec.Struct, frozen=True):
    """New tokens of a session, sealed, and when its facts are out of date again."""

    sealed: bytes
    fresh_until: datetime | None


async def sign_in_external(context: OperationContext, new: ExternalSession, *, create: bool) -> Session | None:
    """Open a session for who signed in; None for a subject that nobody knows, where none is to be created.

    What the issuer says of a known user takes the place of what was stored.
    """
    identity = new.identity
    user_id = await _known_user(context, identity)
    if user_id is None:
        if not create:
            return None
        user_id = await _new_user(context, identity)
    else:
        await change_user(context, user_id, _change(identity))
    issued = await create_session(
        context,
        NewSession(
            user=user_id,
            ip=new.ip,
            host=new.host,
            user_agent=new.user_agent,
            login_type=identity.provider,
            ttl=new.ttl,
            idle=new.idle,
            credentials=(),
        ),
    )
    try:
        async with context.directory.changing() as connection:
            await connection.execute(provider_sessions.insert(), _provider_row(issued.session.id, new))
    except DirectoryError:
        await end_session(context, issued.session.id)  # which no logout at the issuer would end
        raise
    return Session(subject=user_id, id=issued.session.id, expires_at=issued.session.expires_at)


async def provider_tokens(context: OperationContext, session_id: str) -> StoredProviderTokens | None:
    """Return the issuer's tokens of a session that was begun there."""
    columns = provider_sessions.c
    query = select(columns.provider, columns.issuer, columns.subject, columns.sealed).where(
        columns.session_id == session_id
    )
    async with context.directory.reading() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else StoredProviderTokens(*row)


class DueRefresh(msgspec.Struct, frozen=True):
    """The issuer's tokens of a session whose facts are out of date, for the one process that may redeem them."""

    tokens: StoredProviderTokens
    user_id: str


async def claim_refresh(context: OperationContext, session_id: str) -> DueRefresh | None:
    """Return what to redeem where a session's facts are out of date; to one process in the whole fleet alone.

    A refresh token is good for one use: two processes that redeem it look like a thief to its issuer (RFC 9700
    section 4.14.2). Whoever claims has half a minute, after which another one may try.
    """
    columns = provider_sessions.c
    due = (columns.session_id == session_id, columns.fresh_until <= context.now)
    query = select(
        columns.provider, columns.issuer, columns.subject, columns.sealed, columns.version, sessions.c.user_id
    )
    async with context.directory.reading() as connection:
        row = (await connection.execute(query.join(sessions, sessions.c.id == columns.session_id).where(*due))).first()
    if row is None or row.user_id is None:
        return None
    claimed = {"version": row.version + 1, "fresh_until": context.now + _REFRESH_CLAIM}
    async with context.directory.changing() as connection:
        taken: Any = await connection.execute(
            update(provider_sessions).where(*due, columns.version == row.version).values(claimed)
        )
    if not taken.rowcount:
        return None
    return DueRefresh(StoredProviderTokens(row.provider, row.issuer, row.subject, row.sealed), row.user_id)


async def keep_refreshed(
    context: OperationContext, session_id: str, due: DueRefresh, identity: ExternalIdentity, new: RefreshedTokens
) -> None:
    """Store what a refresh brought: the new tokens first, since the old ones are used up, then the facts."""
    columns = {"sealed": new.sealed, "fresh_until": new.fresh_until}
    async with context.directory.changing() as connection:
        await connection.execute(
            update(provider_sessions).where(provider_sessions.c.session_id == session_id).values(columns)
        )
    await change_user(context, due.user_id, _change(identity))


async def end_at_issuer(context: OperationContext, ended: EndedAtIssuer) -> tuple[str, ...] | None:
    """Log out what a logout token names, and return the sessions that were live; None for a token that was used before.

    A `sid` names one session at the issuer, without it every session of the subject ends
    (Back-Channel Logout 1.0 section 2.7).
    """
    columns = provider_sessions.c
    named = [columns.issuer == ended.issuer]
    if ended.sid is not None:
        named.append(columns.sid == ended.sid)
    if ended.subject is not None:
        named.append(columns.subject == ended.subject)
    until = datetime.fromtimestamp(ended.expires_at, UTC) + _KEPT_AFTER_EXPIRY
    async with changing(context) as transaction:
        connection = transaction.connection
        await connection.execute(delete(used_token_ids).where(used_token_ids.c.expires_at < context.now))
        used = {"issuer": ended.issuer, "jti": ended.jti, "expires_at": until}
        known = select(used_token_ids.c.jti).where(
            used_token_ids.c.issuer == ended.issuer, used_token_ids.c.jti == ended.jti
        )
        if await connection.scalar(known) is not None:
            return None
        try:
            async with connection.begin_nested():
                await connection.execute(used_token_ids.insert(), used)
        except IntegrityError:
            return None
        within = select(columns.session_id).where(*named)
        closed = await close_sessions(transaction, sessions.c.id.in_(within))
        for session_id in closed:
            transaction.tell(RevocationTarget(RevocationKind.SESSION, session_id), ended=True)
        return closed


def _provider_row(session_id: str, new: ExternalSession) -> dict[str, Any]:
    identity = new.identity
    return {
        "session_id": session_id,
        "provider": identity.provider,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "sid": identity.sid,
        "sealed": new.sealed,
        "fresh_until": new.fresh_until,
        "version": 0,
    }


async def _known_user(context: OperationContext, identity: ExternalIdentity) -> str | None:
    query = select(identities.c.user_id).where(
        identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
    )
    async with context.directory.reading() as connection:
        found = await connection.scalar(query)
    return None if found is None else str(found)


async def _new_user(context: OperationContext, identity: ExternalIdentity) -> str:
    """Create a user; who signed in twice at the same moment is one user all the same."""
    facts = {name: getattr(identity.user, name) for name in _FACTS}
    user = await create_user(context, NewUser(**facts, roles=identity.roles or ()))
    row = {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "user_id": user.id,
        "created_at": context.now,
    }
    if await _taken(context, row):
        await delete_user(context, user.id)
        other = await _known_user(context, identity)
        if other is None:
            raise DirectoryError("another sign-in of the same person was undone at the same moment; try again")
        return other
    return user.id


async def _taken(context: OperationContext, row: dict[str, Any]) -> bool:
    async with context.directory.changing() as connection:
        try:
            async with connection.begin_nested():
                await connection.execute(identities.insert(), row)
        except IntegrityError:
            return True
    return False


def _change(identity: ExternalIdentity) -> UserChange:
    """Return what the issuer says; what it leaves out stays."""
    facts: dict[str, Any] = {name: value for name in _FACTS if (value := getattr(identity.user, name)) is not None}
    if identity.roles is not None:
        facts["roles"] = identity.roles
    return UserChange(**facts)
