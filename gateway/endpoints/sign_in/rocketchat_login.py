"""`POST /api/v1/login` as Rocket.Chat's clients send it: a name and a password for a user id and a login token."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType
from typing_extensions import override

from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, json_response
from gateway.dialects.rocketchat_actions import RocketchatActions
from gateway.dialects.rocketchat_wire import RocketChatError
from gateway.endpoints.own_paths import LOGINS
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin
from gateway.endpoints.sign_in.product_login import LOGIN_FAILURES, LoginText, LoginWords, SentLogin
from gateway.endpoints.sign_in.sign_in_requests import FORM, BadParametersError, parameters
from gateway.model.errors import UNDECODABLE
from gateway.model.refusal import Refusal, RefusalCode


class RocketchatUnauthorized(msgspec.Struct):
    """What a wrong name, a wrong password and none are told."""

    status: str = "error"
    error: str = "Unauthorized"
    message: str = "Unauthorized"


class RocketchatEmail(msgspec.Struct):
    """An e-mail address. The directory's are nobody's word."""

    address: str
    verified: bool = False


class RocketchatMe(msgspec.Struct, omit_defaults=True):
    """Who has signed in; an unknown field is absent, never null."""

    user_id: str = msgspec.field(name="_id")
    roles: list[str]
    username: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    emails: list[RocketchatEmail] | UnsetType = UNSET


class RocketchatOpenedData(msgspec.Struct):
    """A login token, and whose it is."""

    userId: str  # noqa: N815 - the product's own key, as is that below
    authToken: str  # noqa: N815
    me: RocketchatMe


class RocketchatOpened(msgspec.Struct):
    """A success."""

    status: str
    data: RocketchatOpenedData


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
    paths: tuple[str, ...] = LOGINS["rocketchat"]
    wanted: LoginCredentials = "pair"
    body: object = RocketchatCredentials
    responses: Mapping[int, Documented] = {
        200: Documented(RocketchatOpened, "A user id and a login token"),
        **{status: Documented(RocketChatError, text) for status, text in LOGIN_FAILURES.items()},
        401: Documented(RocketchatUnauthorized, LOGIN_FAILURES[401]),
    }

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
        emails = UNSET if login.email is None else [RocketchatEmail(login.email)]
        me = RocketchatMe(login.user_id, list(login.roles), login.username or UNSET, login.name or UNSET, emails)
        return json_response(200, RocketchatOpened("success", RocketchatOpenedData(login.user_id, login.token, me)))

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        if refusal.code in {RefusalCode.UNAUTHENTICATED, RefusalCode.MALFORMED}:
            return json_response(401, RocketchatUnauthorized())
        return self._words.refuse(refusal, info_request)
