"""`POST /auth/login` as memghost's clients send it: a name and a password for an access and a refresh token."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from typing_extensions import override

from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, json_response
from gateway.dialects.memghost import MemghostError
from gateway.dialects.memghost_actions import MemghostActions, MemghostTokens, tokens_accepted
from gateway.endpoints.own_paths import LOGINS
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin
from gateway.endpoints.sign_in.product_login import LOGIN_FAILURES, LoginText, LoginWords, SentLogin
from gateway.model.errors import UNDECODABLE, DirectoryError
from gateway.model.refusal import Refusal, RefusalCode

_WRONG = MemghostError("unauthorized", "Invalid username or password")


class MemghostCredentials(msgspec.Struct):
    """A body: the name is a username or an e-mail address, under either key."""

    password: LoginText
    username: LoginText | None = None
    email: LoginText | None = None


class MemghostLogin(LoginWords):
    """The product's words; the tokens are those that `/auth/refresh` renews and `/auth/logout` ends."""

    name = "memghost"
    paths: tuple[str, ...] = LOGINS["memghost"]
    wanted: LoginCredentials = "tokens"
    body: object = MemghostCredentials
    responses: Mapping[int, Documented] = {
        202: Documented(MemghostTokens, "The tokens of a new session"),
        **{status: Documented(MemghostError, text) for status, text in LOGIN_FAILURES.items()},
        400: Documented(MemghostError, "No name and password"),
    }

    def __init__(self) -> None:
        self._words = MemghostActions(())

    @override
    def order(self, kind: bytes, body: bytes) -> SentLogin | None:
        """Read JSON, the only form that the product takes: a page elsewhere cannot post it unasked (CORS)."""
        if kind != b"application/json":
            return None
        try:
            found = msgspec.json.decode(body, type=MemghostCredentials)
        except UNDECODABLE:
            return None
        login = found.email if found.username is None else found.username
        return None if login is None else SentLogin(login, found.password)

    @override
    def opened(self, login: OpenedLogin, info_request: InfoRequest) -> InfoResponse:
        """Answer with the tokens, and where one learns whose session it is; raises DirectoryError without tokens."""
        if login.granted is None:
            raise DirectoryError("a login has no tokens")
        return tokens_accepted(login.granted, info_request.path.removesuffix("login") + "session")

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        if refusal.code is RefusalCode.UNAUTHENTICATED:
            return json_response(401, _WRONG)
        return self._words.refuse(refusal, info_request)
