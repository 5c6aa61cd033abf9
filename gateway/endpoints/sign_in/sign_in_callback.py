"""`/_gateway/sign-in/callback/PROVIDER`: what the browser brings back from its issuer."""

from __future__ import annotations

from gateway.credentials.reader import CredentialReading
from gateway.endpoints.sign_in.own_session import own_session_id
from gateway.endpoints.sign_in.sign_in_parts import (
    CALLBACK_PATH,
    SENT_ON,
    ProviderEntry,
    SignInParts,
    turned_away,
    turned_back,
    unavailable,
)
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, browser_of, parameters, redirect_uri
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest
from gateway.model.answers import Unavailable
from gateway.model.credential import CredentialKind
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import DirectoryError
from gateway.model.external_identity import Redeemed, SignInRefused
from gateway.sign_in.flow import Flow
from gateway.telemetry.record import RequestRecord

_METHODS = ("GET",)
_FOUND = 302
_LONGEST = 4096


class SignInCallbackEndpoint:
    """Takes one provider's answers, each from the browser that asked, once.

    A session that the browser had is ended: whoever knew its cookie before knows nothing of the new one (session
    fixation).
    """

    def __init__(self, parts: SignInParts, entry: ProviderEntry, gate: Gate, reading: CredentialReading) -> None:
        self._parts = parts
        self._entry = entry
        self._gate = gate
        self._reading = reading
        self.name = "sign_in_callback"
        self.paths: tuple[str, ...] = (f"{CALLBACK_PATH}{entry.provider.name}",)
        self.hosts = parts.hosts

    async def answer(self, _request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Begin a session, and send the browser back to the page that it opened."""
        turned = await turned_back(self._parts, _METHODS, access, record)
        if turned is not None:
            return turned
        provider = self._entry.provider.name
        try:
            answer = parameters(access.target.query or "")
        except BadParametersError:
            return turned_away(access, record, provider, "an answer that no issuer gives")
        state = answer.get("state", "")
        flow = self._parts.flows.find(state, access.headers)
        if flow is None:
            return turned_away(access, record, provider, "not begun in this browser, or too long ago")
        fault = _fault_of(answer, flow, provider)
        if fault:
            return turned_away(access, record, provider, fault, (self._parts.flows.ending(state),))
        return await self._redeem(access, record, flow, answer)

    async def _redeem(
        self, access: AccessRequest, record: RequestRecord, flow: Flow, answer: dict[str, str]
    ) -> Response:
        entry, ending = self._entry, (self._parts.flows.ending(flow.state),)
        name = entry.provider.name
        redeemed = await entry.provider.redeem(answer["code"], answer.get("iss"), flow, redirect_uri(access, name))
        if isinstance(redeemed, Unavailable):
            return unavailable(access, record, redeemed.detail)
        if isinstance(redeemed, SignInRefused):
            return turned_away(access, record, name, redeemed.detail, ending)
        broken = entry.rules.broken(redeemed.identity.session, CredentialKind.COOKIE)
        if broken is not None:
            return turned_away(access, record, name, f"require: {broken}", ending)
        return await self._sign_in(access, record, flow, redeemed)

    async def _sign_in(self, access: AccessRequest, record: RequestRecord, flow: Flow, redeemed: Redeemed) -> Response:
        """Begin the session, and end the one that the browser had."""
        accounts, browser = self._parts.accounts, browser_of(access)
        ending = (self._parts.flows.ending(flow.state),)
        try:
            value = await accounts.sign_in(redeemed.identity, redeemed.tokens, browser, create=self._entry.create)
            before = await own_session_id(self._gate, self._reading, access) if value is not None else None
            if before is not None:
                await accounts.end(before, browser)
        except DirectoryError as error:
            return unavailable(access, record, str(error))
        if value is None:
            return turned_away(access, record, flow.provider, "nobody that the directory knows", ending)
        back = (b"Location", flow.return_to.encode("ascii"))
        return Response(_FOUND, (*SENT_ON, back, *ending, self._parts.session_cookie(value)))


def _fault_of(answer: dict[str, str], flow: Flow, provider: str) -> str:
    """Return why an answer is none that this provider gives to this flow, or nothing."""
    if flow.provider != provider:
        return "begun at another provider"
    if "error" in answer:
        return "the issuer signed nobody in"
    return "" if 0 < len(answer.get("code", "")) <= _LONGEST else "the issuer gave no code"
