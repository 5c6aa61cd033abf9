"""What is rocketchat's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse, SessionWanted
from gateway.dialects.rocketchat import Rocketchat
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.session import Session, User
from tests.support.builders.example_sessions import COMPOSIO, PAIR, PAIR_WITH_SESSION, ROCKETCHAT, ROCKETCHAT_JSON
from tests.support.gateways.who_am_i import NOW

DIALECT = Rocketchat()
EXAMPLE = "QoYYFw2t9oKks2niG"
ALONE = Found(Session(subject=PAIR.parts[0], user=User(id=PAIR.parts[0])))


def reply(found: Found, query: str | None, session_id: str = "") -> InfoResponse | SessionWanted:
    info_request = InfoRequest(path=DIALECT.paths[0], query=query, now=NOW, credential=PAIR, session_id=session_id)
    return DIALECT.reply(found, info_request)


def test_another_session_is_wanted_and_the_own_one_is_not() -> None:
    assert reply(Found(ROCKETCHAT), "sessionId=other") == SessionWanted("other")
    assert isinstance(reply(Found(ROCKETCHAT), f"sessionId={EXAMPLE}"), InfoResponse)
    assert reply(ALONE, f"sessionId={EXAMPLE}") == SessionWanted(EXAMPLE)


def test_a_session_id_is_read_as_a_query_says_it() -> None:
    assert reply(ALONE, "sessionId=a%2Bb+c") == SessionWanted("a+b c")


@given(query=st.text(max_size=60))
def test_no_query_is_misread(query: str) -> None:
    """Either exactly one sessionId is wanted, or the answer is 400."""
    answer = reply(ALONE, query)
    assert isinstance(answer, SessionWanted) or answer.status == 400


def test_a_thousand_parameters_are_not_read_one_by_one() -> None:
    answer = reply(ALONE, "&".join(f"p{number}=1" for number in range(1000)))
    assert isinstance(answer, InfoResponse)
    assert msgspec.json.decode(answer.body)["error"].startswith("must NOT have additional properties")


def test_what_is_no_user_s_session_is_not_found() -> None:
    answer = reply(Found(COMPOSIO), "sessionId=x", session_id="x")
    assert isinstance(answer, InfoResponse)
    assert answer.status == 400


@pytest.mark.parametrize(
    ("credential", "session_id", "expected"),
    [(PAIR, "", ""), (PAIR, "other", "other"), (PAIR_WITH_SESSION, "", EXAMPLE), (PAIR_WITH_SESSION, "other", "other")],
)
def test_the_session_that_is_asked_about_is_the_named_one_else_the_pair_s(
    credential: Any, session_id: str, expected: str
) -> None:
    request = DIALECT.request(credential, session_id)
    assert request is not None
    assert request.query == (("sessionId", expected),)


def decode(answer: Any, status: int = 200, credential: Any = PAIR_WITH_SESSION) -> Found | Rejected | Unavailable:
    return DIALECT.decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), credential)


@pytest.mark.parametrize("status", [400, 404])
def test_not_found_is_the_user_alone_when_none_was_named(status: int) -> None:
    not_found = {"success": False, "error": "Session not found"}
    assert decode(not_found, status, PAIR) == ALONE
    assert decode(not_found, status) == Rejected(Reason.GONE)


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "error": "Session not found"},
        {"success": False, "error": "Session not found", "errorType": "other"},
        {"success": False, "error": "must have required property 'sessionId' [invalid-params]"},
        {"error": "Session not found"},
        {},
    ],
)
def test_another_400_proves_nothing(body: dict[str, Any]) -> None:
    assert isinstance(decode(body, 400, PAIR), Unavailable)


def test_an_answer_about_another_user_or_session_is_not_believed() -> None:
    assert isinstance(decode({**ROCKETCHAT_JSON, "userId": "other"}), Unavailable)
    assert isinstance(decode({**ROCKETCHAT_JSON, "sessionId": "other"}), Unavailable)
