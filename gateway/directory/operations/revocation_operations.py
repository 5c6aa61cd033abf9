"""Revoking in the directory: what a user, organization, session or key has of sessions and keys ends."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, update

from gateway.directory.operations.api_key_rows import API_KEYS
from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.transaction import ChangeTransaction, changing
from gateway.directory.tables import api_keys, members, organizations, sessions, users
from gateway.model.session import RevocationKind, RevocationTarget


async def end_target(context: OperationContext, target: RevocationTarget) -> bool:
    """Close the sessions and delete the keys of `target`; return whether the directory knows it at all.

    A user's and an organization's later sessions and keys are not touched. `on_change` is for the caller, who revokes
    the target itself.
    """
    async with changing(context) as transaction:
        is_known = await _is_known(transaction, target)
        by_session = {
            RevocationKind.SESSION: sessions.c.id,
            RevocationKind.USER: sessions.c.user_id,
            RevocationKind.ORGANIZATION: sessions.c.organization_id,
        }.get(target.kind)
        if by_session is not None:
            await close_sessions(transaction, by_session == target.id)
        await _delete_keys(transaction, target)
        transaction.targets.clear()
    return is_known


async def _is_known(transaction: ChangeTransaction, target: RevocationTarget) -> bool:
    # the identity headers show a key's member as the user, so revoking that id must revoke the key too
    columns = {
        RevocationKind.SESSION: (sessions.c.id,),
        RevocationKind.USER: (users.c.id, members.c.id),
        RevocationKind.ORGANIZATION: (organizations.c.id,),
        RevocationKind.API_KEY: (api_keys.c.id,),
    }.get(target.kind, ())
    for column in columns:
        if await transaction.connection.scalar(select(column).where(column == target.id)) is not None:
            return True
    return False


async def _delete_keys(transaction: ChangeTransaction, target: RevocationTarget) -> None:
    of_user = select(members.c.id).where(or_(members.c.user_id == target.id, members.c.id == target.id))
    conditions: dict[RevocationKind, ColumnElement[bool]] = {
        RevocationKind.API_KEY: api_keys.c.id == target.id,
        RevocationKind.USER: api_keys.c.member_id.in_(of_user),
        RevocationKind.ORGANIZATION: api_keys.c.organization_id == target.id,
    }
    if target.kind not in conditions:
        return
    live = (api_keys.c.deleted_at.is_(None), conditions[target.kind])
    found = [dict(row) for row in (await transaction.connection.execute(select(api_keys).where(*live))).mappings()]
    deleted = {"deleted_at": transaction.context.now, "updated_at": transaction.context.now}
    await transaction.connection.execute(update(api_keys).where(*live).values(deleted))
    for before in found:
        transaction.note(API_KEYS, "deleted", before, {**before, **deleted}, ended=True)
