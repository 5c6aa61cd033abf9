"""What a product's actions are: requests by which people list, switch and end their own sessions.

Pure as the dialects themselves: the endpoint reads the request and finds out whose it is, an action says in the
product's words what came of it, and what it does to sessions is handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse
from gateway.model.answers import Found, Verdict
from gateway.model.errors import UNDECODABLE
from gateway.model.refusal import Refusal
from gateway.model.session import Session

WantedBody = TypeVar("WantedBody", bound=msgspec.Struct)


class MalformedCallError(Exception):
    """The parameters or the body of a call are wrong; the text says which, in our own words alone."""


class ThrottledCallError(Exception):
    """Too many ids of this client address were unknown; it may ask again in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class ActionCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request for an action: what is asked, from which address, and whose session shows it.

    `found` is None where the action needs no caller. `body` is whole.
    """

    info: InfoRequest
    method: str
    client: str = ""
    found: Found | None = None
    body: bytes = b""

    def __repr__(self) -> str:
        """Show no body: it may hold a token."""
        return f"ActionCall({self.method} {self.info.path}, body={len(self.body)} bytes)"

    @property
    def session(self) -> Session:
        """The caller's session; raises TypeError where the action needs no caller."""
        if self.found is None:
            raise TypeError("an action without a caller asks for its session")
        return self.found.session


class LoginOrder(msgspec.Struct, frozen=True):
    """One field by which logins are sorted."""

    field: str
    descending: bool = False


class WantedLogins(msgspec.Struct, frozen=True, kw_only=True):
    """Which logins to list: those of everybody or the caller's own, whose search term holds `filter`."""

    everybody: bool = False
    filter: str = ""
    offset: int = 0
    count: int = 50
    order: tuple[LoginOrder, ...] = ()


class LoginPage(msgspec.Struct, frozen=True):
    """Some logins, the newest session of each, and how many there are in all."""

    sessions: tuple[Session, ...]
    total: int


class TokenPairGranted(msgspec.Struct, frozen=True):
    """An access token good for `expires_in` seconds, and the refresh token that replaces the one that was shown."""

    access_token: str
    refresh_token: str
    expires_in: int

    def __repr__(self) -> str:
        """Show no token."""
        return f"TokenPairGranted(expires_in={self.expires_in})"


class ConcurrentRefreshError(Exception):
    """Another request with the same refresh token was first; the token's family lives on."""


class SessionOperations(Protocol):
    """What one caller may do to sessions of the directory that knows them.

    Every method raises DirectoryError when it cannot be done: MissingRecordError for a session that is unknown, ended
    or another's, alike; InvalidRecordError where the caller may not be; any other when the directory cannot be asked.
    """

    async def own(self, limit: int) -> tuple[Session, ...]:
        """Return the caller's live sessions, at most `limit`, the last active first."""

    async def end(self, session_id: str) -> None:
        """End one of the caller's own live sessions, and every other one of its login token."""

    async def end_others(self) -> int:
        """End every live session of the caller but the current one; return how many."""

    async def logins(self, wanted: WantedLogins) -> LoginPage:
        """Return one row a login token."""

    async def end_login(self, session_id: str) -> None:
        """End one of the caller's own live sessions that a login token opened, and every other one of that token."""

    async def any_login(self, session_id: str) -> Session:
        """Return anybody's live session that has a login token."""

    async def end_any(self, session_id: str) -> None:
        """End anybody's session that has a login token, and every other one of that token."""

    async def sign_out(self, signin_id: str) -> Session | None:
        """Take one sign-in out of the current session; return the session, None when nobody is left in it."""

    async def switch_sign_in(self, signin_id: str) -> Session:
        """Let another sign-in of the current session be the active one."""

    async def switch_organization(self, organization_id: str | None) -> Session:
        """Bind the current session to an organization that its user is a member of, or to none."""

    async def switch_workspace(self, workspace_id: str | None) -> Session:
        """Bind the current session to a workspace and its organization, or to neither."""

    def cookie(self, session: Session) -> str:
        """Sign a cookie token for a session."""

    def access_token(self, session: Session, ttl: float) -> str:
        """Sign an access token for a session, good for `ttl` seconds."""

    async def refresh(self, token: str) -> TokenPairGranted:
        """Exchange a refresh token.

        Raises MissingRecordError for a bad one, ConcurrentRefreshError for the slower of two uses at once.
        """


class ActionReply(msgspec.Struct, frozen=True):
    """What came of an action.

    `signed_out` says that the caller's own session is over, so that a browser is told to forget its cookie; `token` is
    the value of its new cookie, if it gets one.
    """

    response: InfoResponse
    signed_out: bool = False
    token: str = ""

    def __repr__(self) -> str:
        """Show no token."""
        return f"ActionReply({self.response!r}, signed_out={self.signed_out})"


Run = Callable[[ActionCall, SessionOperations], Awaitable[ActionReply]]
"""Does it; raises MalformedCallError, or what SessionOperations raises and the product has no words of its own for."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One method at some paths: at these, or where `beneath`, at what begins with one of them.

    Where there are `managers`, only whose own roles are among them may. An action `without_caller` reads its credential
    itself. One that `issues_tokens` needs a directory that signs them. `responses`, `parameters` and `body` are for the
    OpenAPI document.
    """

    method: str
    paths: tuple[str, ...]
    run: Run
    beneath: bool = False
    without_caller: bool = False
    issues_tokens: bool = False
    managers: frozenset[str] | None = None
    summary: str = ""
    responses: Mapping[int, Documented] = {}
    parameters: tuple[str, ...] = ()
    body: object = None


class DialectActions(Protocol):
    """The actions of one product that a config lists, and its words for what is refused."""

    name: str
    actions: tuple[Action, ...]

    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer a caller whom nobody knows, or none can tell; None is a request without a credential."""

    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        """Answer what is refused for any other reason."""


def body_as(kind: type[WantedBody], body: bytes) -> WantedBody:
    """Decode a JSON body; raises MalformedCallError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE as fault:
        raise MalformedCallError("the body is not the JSON that is wanted") from fault
