"""The operations of one call: the directory's, for whoever calls.

Loaded only where a config has actions: a process without a directory never loads SQLAlchemy (30 MB).
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import structlog
from typing_extensions import override

from gateway.authorities.authority import Authority
from gateway.authorities.directory import DirectorySettings
from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.authorities.kinds import AuthoritySettings
from gateway.dialects.action import (
    ActionCall,
    ConcurrentRefreshError,
    LoginPage,
    SessionOperations,
    ThrottledCallError,
    TokenPairGranted,
    WantedLogins,
)
from gateway.directory.operations.login_sessions import LoginQuery, list_logins, show_login
from gateway.directory.operations.owned_sessions import end_other_sessions, end_own_session, own_sessions
from gateway.directory.operations.refresh_tokens import RefreshCall, selector_of, use_refresh_token
from gateway.directory.operations.session_operations import change_session
from gateway.directory.operations.session_rows import SessionChange
from gateway.directory.operations.sign_ins import leave_session, switch_workspace
from gateway.directory.store import Directory
from gateway.directory.stored import judge_session
from gateway.endpoints.session_actions import OpenOperations
from gateway.model.errors import ClashError, MissingRecordError, ReplayedTokenError
from gateway.model.session import Session
from gateway.wiring.action_operations import ActionParts, DirectoryActions

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)


class CallOperations(SessionOperations):
    """The operations of one call."""

    def __init__(self, actions: DirectoryActions, call: ActionCall) -> None:
        self._actions = actions
        self._call = call
        self._context = actions.context(call)

    @override
    async def own(self, limit: int) -> tuple[Session, ...]:
        return await self._run(own_sessions(self._context, self._owner, limit))

    @override
    async def end(self, session_id: str) -> None:
        await self._guessing(end_own_session(self._context, session_id, self._owner))

    @override
    async def end_others(self) -> int:
        return len(await self._run(end_other_sessions(self._context, self._owner, self._current)))

    @override
    async def logins(self, wanted: WantedLogins) -> LoginPage:
        query = LoginQuery(
            owner=None if wanted.everybody else self._owner,
            text=wanted.filter,
            offset=wanted.offset,
            count=wanted.count,
            order=[(each.field, each.descending) for each in wanted.order],
        )
        return LoginPage(*await self._run(list_logins(self._context, query)))

    @override
    async def end_login(self, session_id: str) -> None:
        await self._guessing(end_own_session(self._context, session_id, self._owner, of_login=True))

    @override
    async def any_login(self, session_id: str) -> Session:
        return await self._guessing(show_login(self._context, session_id))

    @override
    async def end_any(self, session_id: str) -> None:
        await self._guessing(end_own_session(self._context, session_id, of_login=True))

    @override
    async def sign_out(self, signin_id: str) -> Session | None:
        is_left = await self._run(leave_session(self._context, self._current, self._owner, signin_id))
        return await self._now() if is_left else None

    @override
    async def switch_sign_in(self, signin_id: str) -> Session:
        return await self._changed(SessionChange(active_signin=signin_id))

    @override
    async def switch_organization(self, organization_id: str | None) -> Session:
        return await self._changed(SessionChange(organization=organization_id))

    @override
    async def switch_workspace(self, workspace_id: str | None) -> Session:
        await self._run(switch_workspace(self._context, self._current, self._owner, workspace_id))
        return await self._now()

    @override
    def cookie(self, session: Session) -> str:
        return self._context.required_tokens.issue_cookie(session)

    @override
    def access_token(self, session: Session, ttl: float) -> str:
        return self._context.required_tokens.issue_access(session, ttl)

    @override
    async def refresh(self, token: str) -> TokenPairGranted:
        actions, tokens = self._actions, self._context.required_tokens
        with actions.refreshing.entered(selector_of(token)) as raced:
            call = RefreshCall(token, self._call.info.now, raced, actions.now)
            try:
                refreshed = await self._guessing(use_refresh_token(self._context, call))
            except ClashError as clash:
                raise ConcurrentRefreshError from clash
            except ReplayedTokenError as replayed:
                _log.warning("refresh_token_used_twice", session=replayed.session_id, client=self._call.client)
                raise
        session = refreshed.session
        lasts = tokens.lasts(session.expires_at)
        return TokenPairGranted(tokens.issue_access(session), refreshed.refresh_token, lasts)

    async def _changed(self, change: SessionChange) -> Session:
        await self._run(change_session(self._context, self._current, change, owner=self._owner))
        return await self._now()

    async def _now(self) -> Session:
        """Return the current session as its row has become."""
        stored = await self._run(self._context.directory.session_by_id(self._current))
        if stored is None or judge_session(stored, self._context.now) is not None:
            raise MissingRecordError("the session is over")
        return stored.session

    async def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return await self._actions.run(work, self._call.client)

    async def _guessing(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Do what an id names that may be made up: so many unknown ones of an address, and no more."""
        rejected, client = self._actions.parts.rejected_lookups, self._call.client
        wait = rejected.wait(client)
        if wait:
            work.close()
            raise ThrottledCallError(wait)
        try:
            return await self._run(work)
        except MissingRecordError:
            rejected.count(client)
            raise

    @property
    def _current(self) -> str:
        return self._call.session.id or ""

    @property
    def _owner(self) -> str:
        user = self._call.session.user
        if user is None:
            raise MissingRecordError("a session of nobody's")
        return user.id


def open_directories(
    settings: Mapping[str, AuthoritySettings], authorities: Mapping[str, Authority], parts: ActionParts
) -> dict[str, OpenOperations]:
    """Return what opens a call's operations, for each of `authorities` that is a directory."""
    opened: dict[str, OpenOperations] = {}
    for name, authority in authorities.items():
        if not isinstance(authority, DirectoryAuthority):
            continue
        each = settings[name]
        if isinstance(each, DirectorySettings) and isinstance(authority.store, Directory):
            opened[name] = partial(CallOperations, DirectoryActions(authority, authority.store, each, parts))
    return opened
