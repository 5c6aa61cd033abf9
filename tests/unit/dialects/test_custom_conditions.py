"""What an answer is to be, for the config to call it a session or nobody."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.custom_conditions import AnswerCondition, SessionAnswer, conditions
from gateway.dialects.dialect import RemoteResponse


def met(condition: dict[str, Any], document: Any, status: int = 200) -> bool:
    return AnswerCondition.model_validate(condition).is_met_by(SessionAnswer(status, document))


@pytest.mark.parametrize("value", [True, 1, "x", [0], {"a": None}])
def test_a_place_that_holds_something(value: Any) -> None:
    assert met({"when": "a.b"}, {"a": {"b": value}})


@pytest.mark.parametrize(
    "document", [{}, {"a": None}, *({"a": {"b": value}} for value in (None, False, 0, "", [], {}))]
)
def test_a_place_that_holds_nothing(document: Any) -> None:
    assert not met({"when": "a.b"}, document)


@pytest.mark.parametrize(
    ("expected", "value", "same"),
    [
        (None, None, True),
        (None, False, False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        (1, 1.0, True),
        (1, "1", False),
        ("active", "active", True),
        (["active", "trial"], "trial", True),
        ([None, "gone"], None, True),
    ],
)
def test_what_it_holds_is_compared_as_in_json(expected: Any, value: Any, *, same: bool) -> None:
    assert met({"when": "state", "is": expected}, {"state": value}) is same


def test_an_absent_place_is_null_and_any_entry_of_an_array_counts() -> None:
    assert met({"when": "user", "is": None}, {})
    assert met({"when": "roles[].name", "is": "guest"}, {"roles": [{"name": "admin"}, {"name": "guest"}]})


def test_a_document_that_is_null_is_only_that() -> None:
    assert met({"null": True}, None)
    assert not met({"null": True}, {})
    assert not met({"null": True}, msgspec.UNSET)
    assert not met({"when": "user", "is": None}, None)


def test_a_status_is_one_or_a_list() -> None:
    assert met({"status": [200, 203]}, {}, 203)
    assert not met({}, {}, 203)
    assert conditions(401) == [{"status": [401]}]
    assert conditions([401, {"null": True}]) == [{"status": [401]}, {"null": True}]


def test_what_is_no_json_by_its_type_or_its_bytes_has_no_document() -> None:
    assert SessionAnswer.of(RemoteResponse(200, "application/vnd.x+json", b"null")).document is None
    for content_type, body in (("text/html", b"null"), ("application/json", b"{"), ("application/json", b"\xff")):
        answer = SessionAnswer.of(RemoteResponse(200, content_type, body))
        assert answer.document is msgspec.UNSET
        assert "something else" in answer.described
