"""`/_gateway/sign-in`: a choice where there are several providers, else straight on to the one."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from gateway.endpoints.pages import page, page_fields
from gateway.endpoints.refusals import origin_of
from gateway.endpoints.sign_in.password_sign_in import password_form
from gateway.endpoints.sign_in.sign_in_parts import (
    SENT_ON,
    PasswordEntry,
    SignInEntry,
    SignInParts,
    refused,
    turned_back,
    unavailable,
)
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, parameters, redirect_uri
from gateway.http1.downstream import DownstreamRequest
from gateway.model.answers import Unavailable
from gateway.model.decision import AccessRequest, Response
from gateway.model.refusal import Refusal, RefusalCode
from gateway.sign_in.return_target import SIGN_IN_PATH, START
from gateway.telemetry.record import RequestRecord

_METHODS = ("GET", "HEAD")
_FOUND = 302


class BeginSignInEndpoint:
    """Begins a sign-in; nothing is stored for whoever asks."""

    name = "sign_in"
    paths: tuple[str, ...] = (SIGN_IN_PATH,)

    def __init__(self, parts: SignInParts) -> None:
        self._parts = parts
        self.hosts = parts.hosts

    async def answer(self, _request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Send the browser to its provider, or offer those that it may choose of."""
        turned = await turned_back(self._parts, _METHODS, access, record)
        if turned is not None:
            return turned
        asked = self._asked(access)
        if asked is None:
            return refused(access, record, Refusal(RefusalCode.MALFORMED, "return_to or provider"))
        target, offered = asked
        if len(offered) > 1:
            return self._choice(target, offered)
        return await self._begin(access, record, offered[0], target)

    def _asked(self, access: AccessRequest) -> tuple[str, list[SignInEntry]] | None:
        """Return where one comes back to and which providers are offered; None for a question that we never asked."""
        parts = self._parts
        try:
            query = parameters(access.target.query or "")
        except BadParametersError:
            return None
        sealed, text = query.get("target"), query.get("return_to", START)
        target = parts.flows.open_target(sealed) if sealed is not None else parts.targets.read(text, origin_of(access))
        names = [name for name in query.get("providers", query.get("provider", "")).split(",") if name]
        offered = [parts.providers[name] for name in names if name in parts.providers]
        if target is None or len(offered) != len(names) or len(set(names)) != len(names):
            return None
        return target, offered or list(parts.providers.values())

    def _choice(self, target: str, offered: list[SignInEntry]) -> Response:
        """Return the page with a link for each provider; the target is sealed, so the page has no caller's word."""
        sealed = self._parts.flows.seal_target(target)
        links = "".join(
            f'<p><a href="{SIGN_IN_PATH}?provider={quote(each.name, safe="")}&amp;target={sealed}">'
            f"{escape(each.title)}</a></p>"
            for each in offered
        )
        return Response(200, page_fields(), page("Sign in", links))

    async def _begin(self, access: AccessRequest, record: RequestRecord, entry: SignInEntry, target: str) -> Response:
        flows = self._parts.flows
        flow = flows.begin(entry.name, target)
        if isinstance(entry, PasswordEntry):
            return password_form(entry, flows, flow, access)
        location = await entry.provider.begin(flow, redirect_uri(access, entry.name))
        if isinstance(location, Unavailable):
            return unavailable(access, record, location.detail)
        sent_to = (b"Location", location.encode("ascii"))
        return Response(_FOUND, (*SENT_ON, sent_to, *flows.fields(flow, access.headers)))
