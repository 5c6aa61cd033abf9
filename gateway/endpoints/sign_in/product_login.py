"""The paths at which a product's own clients sign in, by the passwords of the form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Protocol

import msgspec

from gateway.dialects.dialect import InfoRequest, InfoResponse
from gateway.endpoints.sign_in.password_guesses import PasswordGuesses
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin, PasswordAttempt, PasswordLogins
from gateway.endpoints.sign_in.sign_in_parts import PasswordEntry
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, body_of_kind, browser_of
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.errors import DirectoryError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.policy.cross_origin import is_of_foreign_page
from gateway.policy.limits import Limits
from gateway.telemetry.record import RequestRecord

LoginText = Annotated[str, msgspec.Meta(max_length=1024)]


class SentLogin(msgspec.Struct, frozen=True):
    """A name and a password that a client has sent."""

    login: str
    password: str

    def __repr__(self) -> str:
        """Show neither."""
        return "SentLogin()"


class LoginWords(Protocol):
    """How one product asks for a session, and is answered."""

    name: str
    paths: tuple[str, ...]
    wanted: LoginCredentials

    def order(self, kind: bytes, body: bytes) -> SentLogin | None:
        """Return what a body of this media type asks for; None for one that is no login."""

    def opened(self, login: OpenedLogin, info_request: InfoRequest) -> InfoResponse:
        """Answer with the new session's credentials."""

    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        """Answer a refusal; a wrong name, a wrong password and none are one."""


class ProductLoginEndpoint:
    """Opens a session as the form does, for programs: no cookie is set, and none is read."""

    def __init__(
        self,
        words: LoginWords,
        entry: PasswordEntry,
        logins: PasswordLogins,
        limits: Limits,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._words = words
        self._entry = entry
        self._logins = logins
        self._guesses = PasswordGuesses(entry, limits)
        self.name = f"{words.name}_login"
        self.paths = words.paths
        self.hosts = hosts

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Answer in the product's words."""
        info_request = InfoRequest(
            path=access.target.match,
            request_id=access.request_id,
            now=datetime.fromtimestamp(access.received_at, UTC),
        )
        opened = await self._open(request, access)
        if isinstance(opened, OpenedLogin):
            return _response(self._words.opened(opened, info_request))
        record.decision = Decision(access=access, refusal=opened, rule="password")
        allow = ((b"Allow", b"POST"),) if opened.code is RefusalCode.METHOD_NOT_ALLOWED else ()
        return _response(self._words.refuse(opened, info_request), *allow)

    async def _open(self, request: DownstreamRequest, access: AccessRequest) -> OpenedLogin | Refusal:
        if access.method != "POST":
            return Refusal(RefusalCode.METHOD_NOT_ALLOWED, "method")
        if is_of_foreign_page(access):  # else every visitor of a page would guess for it, each from another address
            return Refusal(RefusalCode.FORBIDDEN, "a page of another origin")
        try:
            order = self._words.order(*await body_of_kind(request, access))
        except BadParametersError:
            order = None
        if order is None:
            return Refusal(RefusalCode.MALFORMED, "no name and password")
        wait = await self._guesses.wait(order.login, access.client)
        if wait is not None:
            return Refusal(RefusalCode.RATE_LIMITED, "passwords", None, wait)
        attempt = PasswordAttempt(self._entry.name, order.login, order.password, browser_of(access))
        try:
            opened = await self._logins.open(attempt, self._words.wanted)
        except DirectoryError as error:
            return Refusal(RefusalCode.UNAVAILABLE, str(error), None, 5)
        return opened or Refusal(RefusalCode.UNAUTHENTICATED, "the name or the password is wrong")


def _response(info_response: InfoResponse, *fields: tuple[bytes, bytes]) -> Response:
    return Response(info_response.status, (*json_fields(), *info_response.headers, *fields), info_response.body)
