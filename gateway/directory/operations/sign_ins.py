"""Several people signed in to one browser session: who is active, who leaves, and where they are."""

from __future__ import annotations

from sqlalchemy import delete, select

from gateway.directory.operations.closing import close_sessions
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.session_operations import change_session
from gateway.directory.operations.session_rows import SESSIONS, SessionChange, live
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import sessions, signins, workspaces
from gateway.model.errors import InvalidRecordError


async def leave_session(context: OperationContext, session_id: str, owner: str, signin_id: str) -> bool:
    """Take one sign-in out of a live session of its owner; return whether anybody is left in it.

    Where the active one leaves, the one that signed in last goes on in its own place, with nobody's organization; where
    nobody is left the session ends. Raises MissingRecordError for a session that is not the owner's, and
    InvalidRecordError for a sign-in that is not the session's.
    """
    async with changing(context) as transaction:
        before = await transaction.locked(SESSIONS, session_id, live(context), sessions.c.user_id == owner)
        query = select(signins.c.id, signins.c.user_id).where(signins.c.session_id == session_id)
        found = (await transaction.connection.execute(query.order_by(signins.c.created_at, signins.c.id))).all()
        if signin_id not in {row.id for row in found}:
            raise InvalidRecordError(f"active_signin: {signin_id} is no sign-in of this session")
        await transaction.connection.execute(delete(signins).where(signins.c.id == signin_id))
        others = [row for row in found if row.id != signin_id]
        if not others:
            await close_sessions(transaction, sessions.c.id == session_id)
            return False
        columns: dict[str, object] = {"updated_at": context.now}
        if before["active_signin_id"] == signin_id:
            columns |= {"active_signin_id": others[-1].id, "user_id": others[-1].user_id}
            columns |= {"organization_id": None, "workspace_id": None}
        await transaction.update(SESSIONS, before, columns, "signed out of")
        return True


async def switch_workspace(context: OperationContext, session_id: str, owner: str, workspace_id: str | None) -> None:
    """Bind a live session of its owner to a workspace and the organization of that, or to neither.

    Raises InvalidRecordError where the owner is no active member of that organization.
    """
    if workspace_id is None:
        await change_session(context, session_id, SessionChange(organization=None, workspace=None), owner=owner)
        return
    async with context.directory.reading() as connection:
        of_workspace = select(workspaces.c.organization_id).where(workspaces.c.id == workspace_id)
        organization_id = await connection.scalar(of_workspace)
    if organization_id is None:
        raise InvalidRecordError(f"workspace: there is no {workspace_id} in workspaces")
    change = SessionChange(organization=organization_id, workspace=workspace_id)
    await change_session(context, session_id, change, owner=owner)
