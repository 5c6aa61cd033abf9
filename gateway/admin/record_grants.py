"""What a creation or a change of a record would give, held against what its caller has."""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from sqlalchemy import and_, select

from gateway.admin.api_operation import ApiRequest
from gateway.admin.grants import Grant, require_own
from gateway.directory.operations.context import OperationContext
from gateway.directory.tables import api_keys, members, sessions, users


async def of_new_user(_context: OperationContext, request: ApiRequest) -> None:
    """Look at a new user's own roles."""
    require_own(request.caller, Grant(roles=frozenset(request.body.roles)))


async def of_user(context: OperationContext, request: ApiRequest) -> None:
    """Look at the roles that a user has and gets: whoever changes an e-mail address may sign in by it."""
    body = request.body
    roles = frozenset(body.roles) if body.roles is not UNSET else frozenset()
    require_own(request.caller, Grant(roles=roles | await _roles(context, request.id)))
    if body.email is not UNSET or body.username is not UNSET:
        await _require_memberships(context, request, request.id)


async def of_password(context: OperationContext, request: ApiRequest) -> None:
    """Look at all that a user has: whoever sets the password may sign in by it."""
    require_own(request.caller, Grant(roles=await _roles(context, request.id)))
    await _require_memberships(context, request, request.id)


async def of_new_session(context: OperationContext, request: ApiRequest) -> None:
    """Look at all that the session's user has: whoever holds a session may switch it to any of its organizations."""
    body = request.body
    roles, role = await _standing(context, body.user, body.organization)
    require_own(request.caller, Grant(roles, frozenset(body.scopes), body.organization, role))
    await _require_memberships(context, request, body.user)


async def of_session(context: OperationContext, request: ApiRequest) -> None:
    """Look at the scopes that a session gets, and at the organization that it is switched to."""
    scopes = _given(request.body.scopes)
    organization: str | None = request.body.organization if request.body.organization is not UNSET else None
    async with context.directory.reading() as connection:
        user = await connection.scalar(select(sessions.c.user_id).where(sessions.c.id == request.id))
    roles, role = await _standing(context, user, organization)
    if organization is None and not scopes:
        roles = frozenset()
    require_own(request.caller, Grant(roles, scopes, organization, role))


async def of_new_member(_context: OperationContext, request: ApiRequest) -> None:
    """Look at a membership, and at the role in it."""
    body = request.body
    require_own(request.caller, Grant(organization=body.organization, organization_role=body.role))


async def of_member(context: OperationContext, request: ApiRequest) -> None:
    """Look at the role that a member gets or has: to let a suspended one in again is to give it."""
    async with context.directory.reading() as connection:
        query = select(members.c.organization_id, members.c.role).where(members.c.id == request.id)
        row = (await connection.execute(query)).first()
    if row is not None:
        role = request.body.role if request.body.role is not UNSET else row.role
        require_own(request.caller, Grant(organization=row.organization_id, organization_role=role))


async def of_new_key(context: OperationContext, request: ApiRequest) -> None:
    """Look at all that the key's member has, and at its scopes."""
    await _of_acting(context, request, request.body.member, frozenset(request.body.scopes))


async def of_key(context: OperationContext, request: ApiRequest) -> None:
    """Look at all that a key's member has, and at the scopes that it has or gets: a rotation shows the key."""
    async with context.directory.reading() as connection:
        query = select(api_keys.c.member_id, api_keys.c.scopes).where(api_keys.c.id == request.id)
        row = (await connection.execute(query)).first()
    if row is not None:
        scopes = frozenset(row.scopes) | _given(getattr(request.body, "scopes", UNSET))
        await _of_acting(context, request, row.member_id, scopes)


async def _of_acting(
    context: OperationContext, request: ApiRequest, member: str | None, scopes: frozenset[str]
) -> None:
    """Look at what acts for a member: it has the user's roles, and the member's in its organization."""
    async with context.directory.reading() as connection:
        row = (await connection.execute(select(members).where(members.c.id == member))).first()
    if row is not None:
        roles = await _roles(context, row.user_id)
        require_own(request.caller, Grant(roles, scopes, row.organization_id, row.role))


async def _require_memberships(context: OperationContext, request: ApiRequest, user: str) -> None:
    """Look at the role that a user has in each organization."""
    query = select(members.c.organization_id, members.c.role).where(members.c.user_id == user)
    async with context.directory.reading() as connection:
        rows = (await connection.execute(query)).all()
    for row in rows:
        require_own(request.caller, Grant(organization=row.organization_id, organization_role=row.role))


def _given(values: tuple[str, ...] | UnsetType) -> frozenset[str]:
    return frozenset() if values is UNSET else frozenset(values)


async def _roles(context: OperationContext, user: str | None) -> frozenset[str]:
    roles, _ = await _standing(context, user, None)
    return roles


async def _standing(
    context: OperationContext, user: str | None, organization: str | None
) -> tuple[frozenset[str], str | None]:
    """Return a user's own roles, and the one in an organization."""
    of_user = and_(members.c.user_id == users.c.id, members.c.organization_id == organization)
    query = select(users.c.roles, members.c.role).select_from(users.outerjoin(members, of_user))
    async with context.directory.reading() as connection:
        row = (await connection.execute(query.where(users.c.id == user))).first()
    return (frozenset(row[0] or ()), row[1]) if row is not None else (frozenset(), None)
