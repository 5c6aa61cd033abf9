"""What is Better Auth's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.session import Session, User
from tests.support.builders.dialects import client, server
from tests.support.builders.example_sessions import COOKIE
from tests.support.builders.product_examples import BETTER_AUTH_JSON
from tests.support.gateways.who_am_i import NOW


def decode(session: Any = None, user: Any = None, status: int = 200) -> Found | Rejected | Unavailable:
    answer = {
        "session": {**BETTER_AUTH_JSON["session"], **(session or {})},
        "user": {**BETTER_AUTH_JSON["user"], **(user or {})},
    }
    return client("better_auth").decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), COOKIE)


def test_a_session_of_another_user_is_no_answer() -> None:
    assert isinstance(decode(session={"userId": "somebody-else"}), Unavailable)


def test_a_banned_user_is_forbidden() -> None:
    assert decode(user={"banned": True}) == Rejected(Reason.FORBIDDEN)
    assert isinstance(decode(user={"banned": False}), Found)
    assert isinstance(decode(user={"banned": None}), Found)


@pytest.mark.parametrize(("role", "roles"), [("admin, user", ("admin", "user")), (None, ()), ("", ())])
def test_roles_are_a_list_in_one_text(role: str | None, roles: tuple[str, ...]) -> None:
    answer = decode(user={"role": role})
    assert isinstance(answer, Found)
    assert answer.session.roles == roles


def test_what_opens_the_session_is_in_no_session() -> None:
    answer = decode()
    assert isinstance(answer, Found)
    assert BETTER_AUTH_JSON["session"]["token"] not in repr(answer)


@pytest.mark.parametrize("cookie", ["app.session_token", "__Secure-app.session_token"])
def test_a_cookie_of_another_name_is_config(cookie: str) -> None:
    request = client("better_auth", cookie=cookie).request(COOKIE)
    assert request is not None
    ((_, value),) = request.headers
    assert value == "app.session_token=cookie-token; __Secure-app.session_token=cookie-token"


def test_the_product_s_own_403_is_not_about_the_session() -> None:
    refused = msgspec.json.encode({"message": "Invalid origin", "code": "INVALID_ORIGIN"})
    response = RemoteResponse(403, "application/json", refused)
    assert isinstance(client("better_auth").decode(response, COOKIE), Unavailable)


def test_what_another_authority_does_not_know_is_what_is_certain_now() -> None:
    bare = Found(Session(subject="u", id="s", user=User(id="u")))
    reply = server("better_auth").reply(bare, InfoRequest(path="/", now=NOW, credential=COOKIE))
    assert isinstance(reply, InfoResponse)
    body = msgspec.json.decode(reply.body)
    assert {body["session"][key] for key in ("expiresAt", "createdAt", "updatedAt")} == {"2024-12-19T15:00:00.000Z"}
    assert (body["user"]["name"], body["user"]["email"], body["user"]["emailVerified"]) == ("", "", False)
