"""What is wacht's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.dialects.settings import Profile
from gateway.dialects.wacht import Wacht, session_cookie
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import is_anonymous
from tests.support.builders.example_sessions import BEARER, COOKIE, FOUND, WACHT, WACHT_JSON
from tests.support.gateways.who_am_i import NOW


def decode(answer: Any, status: int = 200) -> Found | Rejected | Unavailable:
    return Wacht().decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), COOKIE)


def test_the_product_s_own_view_in_data_is_enough() -> None:
    data = {**WACHT_JSON["data"], "id": "s1", "active_signin": WACHT_JSON["session"]["active_signin"], "signins": []}
    decoded = decode({"status": 200, "message": "", "data": data, "errors": None})
    assert isinstance(decoded, Found)
    assert (decoded.session.id, decoded.session.subject) == ("s1", "user_456789123")


def test_nobody_signed_in_is_unknown() -> None:
    session = {**WACHT_JSON["session"], "active_signin": None}
    assert decode({**WACHT_JSON, "session": session}) == Rejected(Reason.UNKNOWN)


def test_the_product_s_answer_to_nobody_is_heard_as_unknown() -> None:
    reply = Wacht(Profile.PRODUCT).reply(None, InfoRequest(path="/session", now=NOW))
    assert isinstance(reply, InfoResponse)
    assert decode(msgspec.json.decode(reply.body)) == Rejected(Reason.UNKNOWN)


def test_two_users_in_one_answer_are_not_chosen_between() -> None:
    signin = {**WACHT_JSON["session"]["active_signin"], "user_id": "another"}
    assert isinstance(
        decode({**WACHT_JSON, "session": {**WACHT_JSON["session"], "active_signin": signin}}), Unavailable
    )


def test_without_a_user_record_the_sign_in_still_says_who() -> None:
    decoded = decode({**WACHT_JSON, "data": {**WACHT_JSON["data"], "user": None}})
    assert isinstance(decoded, Found)
    assert decoded.session.user is not None
    assert (decoded.session.subject, decoded.session.user.email) == ("user_456789123", None)


def test_a_visitor_s_cookie_names_nobody_and_each_gets_another() -> None:
    dialect = Wacht(Profile.PRODUCT)
    cookies = set()
    for _ in range(2):
        reply = dialect.reply(None, InfoRequest(path="/session", now=NOW))
        assert isinstance(reply, InfoResponse)
        value = dict(reply.headers)[b"Set-Cookie"].decode().split(";")[0].removeprefix("__session=")
        assert is_anonymous(value)
        cookies.add(value)
    assert len(cookies) == 2


def test_only_a_cookie_is_renewed() -> None:
    dialect = Wacht(renew=lambda *_: "next")
    for credential, renewed in ((COOKIE, True), (BEARER, False)):
        reply = dialect.reply(FOUND["wacht"], InfoRequest(path="/session", now=NOW, credential=credential))
        assert isinstance(reply, InfoResponse)
        assert bool(reply.headers) is renewed


@pytest.mark.parametrize("profile", list(Profile))
def test_what_is_shown_has_every_field_in_the_document_s_order(profile: Profile) -> None:
    reply = Wacht(profile).reply(Found(WACHT), InfoRequest(path="/session", now=NOW, credential=COOKIE))
    assert isinstance(reply, InfoResponse)
    body = msgspec.json.decode(reply.body)
    assert list(body) == ["status", "message", "data", "session", "errors"]
    assert list(body["data"])[:3] == ["user", "organization", "workspace"]
    assert list(body["data"]["user"]) == list(WACHT_JSON["data"]["user"])
    assert list(body["session"])[:4] == ["signin_attempts", "signins", "signup_attempts", "active_signin"]


def test_a_session_cookie_is_for_this_host_over_tls_and_not_for_scripts() -> None:
    assert session_cookie("__session", "t") == (b"Set-Cookie", b"__session=t; Path=/; HttpOnly; Secure; SameSite=Lax")
