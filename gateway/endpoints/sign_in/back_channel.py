"""`POST /_gateway/sign-out/PROVIDER`: an issuer tells that a person has signed out there.

OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.8.
"""

from __future__ import annotations

import msgspec
import structlog

from gateway.endpoints.refusals import method_not_allowed
from gateway.endpoints.sign_in.sign_in_parts import SIGN_OUT_PATH, ProviderEntry, SignInParts, unavailable
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, browser_of, form_of
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.errors import DirectoryError
from gateway.model.external_identity import EndedAtIssuer, SignInRefused
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord

_METHODS = ("POST",)
_log = structlog.get_logger(__name__)


class BackChannelLogoutEndpoint:
    """Ends what one provider's logout tokens name, on every replica; each token counts once.

    They are not counted by address: an issuer has one, and tells of all its people.
    """

    def __init__(self, parts: SignInParts, entry: ProviderEntry) -> None:
        self._parts = parts
        self._entry = entry
        self.name = "back_channel_logout"
        self.paths: tuple[str, ...] = (f"{SIGN_OUT_PATH}/{entry.provider.name}",)
        self.hosts = parts.hosts

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Answer 200 once it is done everywhere that can be told, 400 for a token that is none (section 2.8)."""
        if access.method not in _METHODS:
            return method_not_allowed(_METHODS, access.request_id)
        try:
            token = (await form_of(request, access)).get("logout_token", "")
        except BadParametersError:
            token = ""
        ended = await self._entry.provider.logged_out(token)
        if isinstance(ended, EndedAtIssuer):
            return await self._end(access, record, ended)
        if isinstance(ended, SignInRefused):
            return self._refuse(access, record, ended.detail)
        return unavailable(access, record, ended.detail)

    async def _end(self, access: AccessRequest, record: RequestRecord, ended: EndedAtIssuer) -> Response:
        try:
            done = await self._parts.accounts.end_at_issuer(ended, browser_of(access))
        except DirectoryError as error:
            return unavailable(access, record, str(error))
        if not done:
            return self._refuse(access, record, "the logout token was used before")
        return Response(200, ((b"Cache-Control", b"no-store"),))

    def _refuse(self, access: AccessRequest, record: RequestRecord, detail: str) -> Response:
        provider = self._entry.provider.name
        _log.warning("logout_token_refused", provider=provider, detail=detail, request_id=access.request_id)
        refusal = Refusal(RefusalCode.MALFORMED, detail)
        record.decision = Decision(access=access, refusal=refusal, rule="logout_token")
        body = msgspec.json.encode({"error": "invalid_request", "error_description": "The logout token is refused."})
        return Response(refusal.status, json_fields(), body)
