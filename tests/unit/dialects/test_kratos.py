"""What is Ory Kratos' own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.session import Session, User
from tests.support.builders.dialects import client, server
from tests.support.builders.example_sessions import COOKIE
from tests.support.builders.product_examples import KRATOS_JSON
from tests.support.gateways.who_am_i import NOW


def decode(answer: Any, status: int = 200) -> Found | Rejected | Unavailable:
    return client("kratos").decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), COOKIE)


def identity(**more: Any) -> Any:
    return {**KRATOS_JSON, "identity": {**KRATOS_JSON["identity"], **more}}


def test_a_missing_second_factor_is_forbidden_and_any_other_403_tells_nothing() -> None:
    wanted = {"error": {"id": "session_aal2_required", "code": 403}, "redirect_browser_to": "https://id.test/"}
    assert decode(wanted, 403) == Rejected(Reason.FORBIDDEN)
    for other in ({"error": {"id": "security_csrf_violation", "code": 403}}, {"error": {"code": 403}}, {}, "no"):
        assert isinstance(decode(other, 403), Unavailable)


@pytest.mark.parametrize(
    "answer",
    [
        {**KRATOS_JSON, "identity": None},  # until the second factor is shown
        identity(state="inactive"),
        {**KRATOS_JSON, "active": "yes"},
        {**KRATOS_JSON, "id": ""},
    ],
)
def test_a_success_that_is_about_no_live_session_is_none(answer: Any) -> None:
    assert isinstance(decode(answer), Unavailable)


def test_a_cookie_of_another_name_is_config() -> None:
    request = client("kratos", cookie="my_session").request(COOKIE)
    assert request is not None
    assert request.headers == (("Cookie", "my_session=cookie-token"),)


def test_what_another_authority_does_not_know_is_left_out() -> None:
    bare = Found(Session(subject="u", id="s", user=User(id="u")))
    reply = server("kratos").reply(bare, InfoRequest(path="/sessions/whoami", now=NOW, credential=COOKIE))
    assert isinstance(reply, InfoResponse)
    assert msgspec.json.decode(reply.body) == {
        "id": "s",
        "active": True,
        "authenticator_assurance_level": "aal1",
        "authentication_methods": [],
        "identity": {
            "id": "u",
            "schema_id": "default",
            "schema_url": "",
            "state": "active",
            "traits": {},
            "metadata_public": None,
            "organization_id": None,
        },
        "devices": [],
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "id.example.com/login"])
def test_a_browser_is_sent_to_a_page_alone(url: str) -> None:
    with pytest.raises(ValidationError):
        server("kratos", second_factor_url=url)
