"""`POST /_gateway/sign-in/password/PROVIDER`: the form by which people sign in whose passwords the directory has."""

from __future__ import annotations

from html import escape

from gateway.credentials.reader import CredentialReading
from gateway.endpoints.pages import LEADING_ON, page, page_fields
from gateway.endpoints.sign_in.own_session import own_session_id
from gateway.endpoints.sign_in.password_guesses import PasswordGuesses
from gateway.endpoints.sign_in.password_logins import PasswordAttempt, PasswordLogins
from gateway.endpoints.sign_in.sign_in_parts import (
    SENT_ON,
    PasswordEntry,
    SignInParts,
    refused,
    turned_away,
    turned_back,
    unavailable,
)
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, browser_of, form_of, is_of_ours
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import DirectoryError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.policy.limits import Limits
from gateway.sign_in.flow import Flow, FlowCookies
from gateway.sign_in.return_target import SIGN_IN_PATH
from gateway.telemetry.record import RequestRecord

PASSWORD_PATH = f"{SIGN_IN_PATH}/password/"
_METHODS = ("POST",)
_SEE_OTHER = 303
_LONGEST_LOGIN = 320
"""Characters: the longest e-mail address (RFC 5321 section 4.5.3.1)."""


def password_page(entry: PasswordEntry, flow: Flow, *, wrong: bool = False) -> bytes:
    """Return the form; its hidden `state` ties it to the browser that was given it."""
    told = "<p><strong>The name or the password is wrong.</strong></p>" if wrong else ""
    form = (
        f'{told}<form method="post" action="{PASSWORD_PATH}{escape(entry.name)}">'
        f'<input type="hidden" name="state" value="{escape(flow.state)}">'
        '<p><label>Name or e-mail address<br><input name="login" autocomplete="username" required></label></p>'
        '<p><label>Password<br><input name="password" type="password" autocomplete="current-password" required></label>'
        "</p><button>Sign in</button></form>"
    )
    return page(entry.title, form)


def password_form(entry: PasswordEntry, flows: FlowCookies, flow: Flow, access: AccessRequest) -> Response:
    """Return the answer that shows the form and begins the flow."""
    return Response(200, (*page_fields(LEADING_ON), *flows.fields(flow, access.headers)), password_page(entry, flow))


class PasswordSignInEndpoint:
    """Checks a name and a password: as slowly for a name that nobody has, and so often and no more."""

    def __init__(
        self,
        parts: SignInParts,
        entry: PasswordEntry,
        logins: PasswordLogins,
        gate: Gate,
        reading: CredentialReading,
        limits: Limits,
    ) -> None:
        self._parts = parts
        self._entry = entry
        self._logins = logins
        self._gate = gate
        self._reading = reading
        self._guesses = PasswordGuesses(entry, limits)
        self.name = "password_sign_in"
        self.paths: tuple[str, ...] = (f"{PASSWORD_PATH}{entry.name}",)
        self.hosts = parts.hosts

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Begin a session, or show the form again."""
        turned = await turned_back(self._parts, _METHODS, access, record)
        if turned is not None:
            return turned
        if not is_of_ours(access):
            return refused(access, record, Refusal(RefusalCode.FORBIDDEN, "not posted by a page of ours"))
        try:
            form = await form_of(request, access)
        except BadParametersError:
            form = {}
        flow = self._parts.flows.find(form.get("state", ""), access.headers)
        if flow is None or flow.provider != self._entry.name:
            return turned_away(access, record, self._entry.name, "not begun in this browser, or too long ago")
        login, password = form.get("login", "")[:_LONGEST_LOGIN], form.get("password", "")
        empty = await self._guesses.count(login, access.client)
        if empty is not None:
            return refused(access, record, Refusal(RefusalCode.RATE_LIMITED, "passwords", None, empty.wait))
        return await self._check(access, record, flow, login, password)

    async def _check(
        self, access: AccessRequest, record: RequestRecord, flow: Flow, login: str, password: str
    ) -> Response:
        accounts, browser = self._parts.accounts, browser_of(access)
        try:
            opened = await self._logins.open(PasswordAttempt(self._entry.name, login, password, browser), "cookie")
            before = await own_session_id(self._gate, self._reading, access) if opened is not None else None
            if before is not None:
                await accounts.end(before, browser)
        except DirectoryError as error:
            return unavailable(access, record, str(error))
        if opened is None:
            turned_away(access, record, self._entry.name, "the name or the password is wrong")
            return Response(403, page_fields(LEADING_ON), password_page(self._entry, flow, wrong=True))
        back = (b"Location", flow.return_to.encode("ascii"))
        ending = self._parts.flows.ending(flow.state)
        return Response(_SEE_OTHER, (*SENT_ON, back, ending, self._parts.session_cookie(opened.cookie)))
