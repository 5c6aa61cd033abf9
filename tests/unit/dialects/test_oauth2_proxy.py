"""What is oauth2-proxy's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Rejected, Unavailable
from tests.support.builders.dialects import client
from tests.support.builders.example_sessions import COOKIE


def decode(answer: Any, status: int = 200) -> Found | Rejected | Unavailable:
    body = msgspec.json.encode(answer)
    return client("oauth2_proxy").decode(RemoteResponse(status, "application/json", body), COOKIE)


def test_a_user_without_a_name_is_its_address() -> None:
    answer = decode({"user": "", "email": "ada@example.com"})
    assert isinstance(answer, Found)
    assert (answer.session.subject, answer.session.roles) == ("ada@example.com", ())


@pytest.mark.parametrize("answer", [{}, {"user": "", "email": ""}, {"user": "ada"}, {"email": "ada@example.com"}])
def test_an_answer_that_names_nobody_is_none(answer: Any) -> None:
    """A path that is open to all is answered with an empty object."""
    assert isinstance(decode(answer), Unavailable)


def test_202_of_the_other_endpoint_says_nothing_of_anybody() -> None:
    assert isinstance(decode({"user": "ada", "email": ""}, 202), Unavailable)


def test_groups_that_are_null_are_none() -> None:
    answer = decode({"user": "ada", "email": "", "groups": None})
    assert isinstance(answer, Found)
    assert answer.session.roles == ()


def test_a_cookie_of_another_name_is_config() -> None:
    request = client("oauth2_proxy", cookie="__Host-login").request(COOKIE)
    assert request is not None
    assert request.headers == (("Cookie", "__Host-login=cookie-token"),)
