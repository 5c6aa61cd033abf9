"""`POST /api/v1/login` as Rocket.Chat's clients send it: a name and a password for a user id and a login token."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.endpoints.refusals import method_not_allowed
from gateway.endpoints.sign_in.password_guesses import PasswordGuesses
from gateway.endpoints.sign_in.sign_in_parts import OpenedLogin, PasswordEntry, SignInParts
from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, body_of_kind, browser_of, parameters
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.errors import UNDECODABLE, DirectoryError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.policy.limits import Limits
from gateway.telemetry.record import RequestRecord

ROCKETCHAT_LOGIN_PATH = "/api/v1/login"
_METHODS = ("POST",)
_encode = msgspec.json.Encoder().encode

_Text = Annotated[str, msgspec.Meta(max_length=1024)]


class _LoginOrder(msgspec.Struct):
    """A body: the name under one of three keys. A password that was hashed before it was sent is none."""

    password: _Text
    user: _Text = ""
    username: _Text = ""
    email: _Text = ""

    @property
    def login(self) -> str:
        """The name that was given."""
        return self.user or self.username or self.email


class RocketchatLoginEndpoint:
    """Opens a session as the form does, for programs: no cookie is set, and none is read."""

    name = "rocketchat_login"
    paths: tuple[str, ...] = (ROCKETCHAT_LOGIN_PATH,)

    def __init__(self, parts: SignInParts, entry: PasswordEntry, limits: Limits) -> None:
        self._parts = parts
        self._entry = entry
        self._guesses = PasswordGuesses(entry, limits)
        self.hosts = parts.hosts

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Answer in the product's words."""
        if access.method not in _METHODS:
            return method_not_allowed(_METHODS, access.request_id)
        order = await _order_of(request, access)
        if order is None:
            return _refused(access, record, Refusal(RefusalCode.UNAUTHENTICATED, "no name and password"))
        wait = await self._guesses.wait(order.login, access.client)
        if wait is not None:
            return _refused(access, record, Refusal(RefusalCode.RATE_LIMITED, "passwords", None, wait))
        try:
            opened = await self._parts.accounts.open_login(
                self._entry.name, order.login, order.password, browser_of(access)
            )
        except DirectoryError as error:
            return _refused(access, record, Refusal(RefusalCode.UNAVAILABLE, str(error), None, 5))
        if opened is None:
            return _refused(access, record, Refusal(RefusalCode.UNAUTHENTICATED, "the name or the password is wrong"))
        return Response(200, json_fields(), _encode({"status": "success", "data": _data(opened)}))


async def _order_of(request: DownstreamRequest, access: AccessRequest) -> _LoginOrder | None:
    """Return what was sent, as JSON or as a form; None for anything else."""
    try:
        kind, body = await body_of_kind(request, access)
        if kind == b"application/json":
            return msgspec.json.decode(body, type=_LoginOrder)
        return msgspec.convert(parameters(body.decode("ascii")), _LoginOrder)
    except (BadParametersError, *UNDECODABLE):
        return None


def _data(opened: OpenedLogin) -> dict[str, object]:
    person: dict[str, object] = {"_id": opened.user_id, "roles": list(opened.roles)}
    named = {"username": opened.username, "name": opened.name}
    person |= {key: value for key, value in named.items() if value is not None}
    if opened.email is not None:
        person["emails"] = [{"address": opened.email, "verified": False}]
    return {"userId": opened.user_id, "authToken": opened.token, "me": person}


def _refused(access: AccessRequest, record: RequestRecord, refusal: Refusal) -> Response:
    """Record a refusal; the product has one sentence for a wrong name, a wrong password and none."""
    record.decision = Decision(access=access, refusal=refusal, rule="password")
    fields = json_fields()
    if refusal.retry_after is not None:
        fields += ((b"Retry-After", b"%d" % refusal.retry_after),)
    if refusal.code is RefusalCode.UNAUTHENTICATED:
        return Response(401, fields, _encode({"status": "error", "error": "Unauthorized", "message": "Unauthorized"}))
    return Response(refusal.status, fields, _encode({"success": False, "error": refusal.message}))
