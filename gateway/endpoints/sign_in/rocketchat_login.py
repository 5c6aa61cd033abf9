"""`POST /api/v1/login` as Rocket.Chat's clients send it: a name and a password for a user id and a login token."""

from __future__ import annotations

from typing import Any

import msgspec
from typing_extensions import override

from gateway.dialects.dialect import InfoRequest, InfoResponse, json_response
from gateway.dialects.rocketchat_actions import RocketchatActions
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin
from gateway.endpoints.sign_in.product_login import LoginText, LoginWords, SentLogin
from gateway.endpoints.sign_in.sign_in_requests import FORM, BadParametersError, parameters
from gateway.model.errors import UNDECODABLE
from gateway.model.refusal import Refusal, RefusalCode

_UNAUTHORIZED = {"status": "error", "error": "Unauthorized", "message": "Unauthorized"}


class RocketchatUser(msgspec.Struct):
    """A name as Meteor's clients send it."""

    username: LoginText = ""
    email: LoginText = ""


class RocketchatCredentials(msgspec.Struct):
    """A body: the name under one of three keys. A password that was hashed before it was sent is none."""

    password: LoginText
    user: LoginText | RocketchatUser = ""
    username: LoginText = ""
    email: LoginText = ""

    @property
    def login(self) -> str:
        """The name that was given."""
        user = self.user if isinstance(self.user, str) else self.user.username or self.user.email
        return user or self.username or self.email


class RocketchatLogin(LoginWords):
    """The product's words; a body that is none is unauthorized too."""

    name = "rocketchat"
    paths: tuple[str, ...] = ("/api/v1/login",)
    wanted: LoginCredentials = "pair"

    def __init__(self) -> None:
        self._words = RocketchatActions(())

    @override
    def order(self, kind: bytes, body: bytes) -> SentLogin | None:
        """Read JSON or a form: the clients of PyPI and of npm send either."""
        try:
            if kind == b"application/json":
                found = msgspec.json.decode(body, type=RocketchatCredentials)
            elif kind == FORM:
                found = msgspec.convert(parameters(body.decode("ascii")), RocketchatCredentials)
            else:
                return None
        except (BadParametersError, *UNDECODABLE):
            return None
        return SentLogin(found.login, found.password)

    @override
    def opened(self, login: OpenedLogin, info_request: InfoRequest) -> InfoResponse:
        person: dict[str, Any] = {"_id": login.user_id, "roles": list(login.roles)}
        named = {"username": login.username, "name": login.name}
        person |= {key: value for key, value in named.items() if value is not None}
        if login.email is not None:
            person["emails"] = [{"address": login.email, "verified": False}]
        data = {"userId": login.user_id, "authToken": login.token, "me": person}
        return json_response(200, {"status": "success", "data": data})

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        if refusal.code in {RefusalCode.UNAUTHENTICATED, RefusalCode.MALFORMED}:
            return json_response(401, _UNAUTHORIZED)
        return self._words.refuse(refusal, info_request)
