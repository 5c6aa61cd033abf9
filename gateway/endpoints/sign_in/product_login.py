"""The paths at which a product's own clients sign in, by the passwords of the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

import msgspec

from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse
from gateway.endpoints.info_requests import info_request_of, with_quota
from gateway.endpoints.refused_calls import RefusedCallError
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


LOGIN_FAILURES: Mapping[int, str] = {
    401: "The name or the password is wrong",
    403: "Sent by a page of another origin",
    405: "Another method than POST",
    429: "Too many guesses",
    503: "The directory is away",
}
"""Status -> why a login is refused, whatever the product."""


class SentLogin(msgspec.Struct, frozen=True):
    """A name and a password that a client has sent."""

    login: str
    password: str

    def __repr__(self) -> str:
        """Show neither."""
        return "SentLogin()"


class LoginWords(Protocol):
    """How one product asks for a session, and is answered; `body` and `responses` are for the OpenAPI document."""

    name: str
    paths: tuple[str, ...]
    wanted: LoginCredentials
    body: object
    responses: Mapping[int, Documented]

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
        info_request = info_request_of(access)
        try:
            return _response(self._words.opened(await self._open(request, access), info_request))
        except RefusedCallError as error:
            refusal = error.refusal
            record.decision = Decision(access=access, refusal=refusal, rule="password")
            allow = ((b"Allow", b"POST"),) if refusal.code is RefusalCode.METHOD_NOT_ALLOWED else ()
            told = info_request if error.taken is None else with_quota(info_request, error.taken)
            return _response(self._words.refuse(refusal, told), *allow)

    async def _open(self, request: DownstreamRequest, access: AccessRequest) -> OpenedLogin:
        """Begin a session for what was sent; raises RefusedCallError."""
        if access.method != "POST":
            raise RefusedCallError(RefusalCode.METHOD_NOT_ALLOWED, "method")
        if is_of_foreign_page(access):  # else every visitor of a page would guess for it, each from another address
            raise RefusedCallError(RefusalCode.FORBIDDEN, "a page of another origin")
        try:
            order = self._words.order(*await body_of_kind(request, access))
        except BadParametersError:
            order = None
        if order is None:
            raise RefusedCallError(RefusalCode.MALFORMED, "no name and password")
        empty = await self._guesses.count(order.login, access.client)
        if empty is not None:
            raise RefusedCallError.by(Refusal(RefusalCode.RATE_LIMITED, "passwords", None, empty.wait), empty)
        attempt = PasswordAttempt(self._entry.name, order.login, order.password, browser_of(access))
        try:
            opened = await self._logins.open(attempt, self._words.wanted)
        except DirectoryError as error:
            raise RefusedCallError.by(Refusal(RefusalCode.UNAVAILABLE, str(error), None, 5)) from None
        if opened is None:
            raise RefusedCallError(RefusalCode.UNAUTHENTICATED, "the name or the password is wrong")
        return opened


def _response(info_response: InfoResponse, *fields: tuple[bytes, bytes]) -> Response:
    return Response(info_response.status, (*json_fields(), *info_response.headers, *fields), info_response.body)
