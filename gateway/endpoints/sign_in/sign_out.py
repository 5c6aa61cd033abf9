"""`/_gateway/sign-out`: a page that asks, and the post of that page, which ends the session everywhere."""

from __future__ import annotations

from gateway.credentials.reader import CredentialReading
from gateway.endpoints.pages import LEADING_ON, page, page_fields
from gateway.endpoints.refusals import origin_of
from gateway.endpoints.sign_in.own_session import own_session_id
from gateway.endpoints.sign_in.sign_in_parts import (
    SENT_ON,
    SIGN_OUT_PATH,
    IssuerSession,
    ProviderEntry,
    SignInParts,
    refused,
    turned_back,
    unavailable,
)
from gateway.endpoints.sign_in.sign_in_requests import browser_of, is_of_ours
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import DirectoryError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord

_METHODS = ("GET", "HEAD", "POST")
_SEE_OTHER = 303
_FORM = f'<form method="post" action="{SIGN_OUT_PATH}"><button>Sign out</button></form>'


class SignOutEndpoint:
    """Signs the browser out of its session, and of the issuer where the config says so.

    Only a post of a page of ours counts: a foreign page could else sign people out.
    """

    name = "sign_out"
    paths: tuple[str, ...] = (SIGN_OUT_PATH,)

    def __init__(self, parts: SignInParts, gate: Gate, reading: CredentialReading) -> None:
        self._parts = parts
        self._gate = gate
        self._reading = reading
        self.hosts = parts.hosts

    async def answer(self, _request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Show the page, or end the session."""
        turned = await turned_back(self._parts, _METHODS, access, record)
        if turned is not None:
            return turned
        if access.method == "POST" and not is_of_ours(access):
            return refused(access, record, Refusal(RefusalCode.FORBIDDEN, "not posted by a page of ours"))
        try:
            session_id = await own_session_id(self._gate, self._reading, access)
            if access.method == "POST":
                return await self._end(access, session_id)
        except DirectoryError as error:
            return unavailable(access, record, str(error))
        return _signed_out() if session_id is None else Response(200, page_fields(LEADING_ON), page("Sign out", _FORM))

    async def _end(self, access: AccessRequest, session_id: str | None) -> Response:
        """End the session first: an issuer that cannot be asked keeps nobody signed in."""
        forget = (self._parts.session_cookie(""),)
        if session_id is None:
            return _signed_out(*forget)
        issuer_session = await self._parts.accounts.issuer_session(session_id, browser_of(access))
        await self._parts.accounts.end(session_id, browser_of(access))
        leads_to = await self._logout_url(access, issuer_session)
        if not leads_to:
            return _signed_out(*forget)
        return Response(_SEE_OTHER, (*SENT_ON, (b"Location", leads_to.encode("ascii")), *forget))

    async def _logout_url(self, access: AccessRequest, issuer_session: IssuerSession | None) -> str:
        entry = None if issuer_session is None else self._parts.providers.get(issuer_session.provider)
        if issuer_session is None or not isinstance(entry, ProviderEntry) or not entry.ends_at_issuer:
            return ""
        return await entry.provider.logout_url(issuer_session.id_token, f"{origin_of(access)}{SIGN_OUT_PATH}")


def _signed_out(*fields: tuple[bytes, bytes]) -> Response:
    return Response(200, (*page_fields(), *fields), page("Signed out", "<p>You are signed out here.</p>"))
