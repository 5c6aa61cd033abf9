"""What is Supabase Auth's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from tests.support.builders.dialects import client
from tests.support.builders.example_sessions import BEARER
from tests.support.builders.product_examples import SUPABASE_JSON


def decode(answer: Any, status: int = 200, **keys: Any) -> Found | Rejected | Unavailable:
    body = msgspec.json.encode(answer)
    return client("supabase", **keys).decode(RemoteResponse(status, "application/json", body), BEARER)


@pytest.mark.parametrize(
    ("status", "name", "reason"),
    [
        (403, "bad_jwt", Reason.UNKNOWN),
        (400, "validation_failed", Reason.UNKNOWN),
        (403, "session_not_found", Reason.GONE),
        (403, "user_not_found", Reason.GONE),
        (403, "user_banned", Reason.FORBIDDEN),
    ],
)
def test_a_refusal_is_known_by_its_name_in_either_form(status: int, name: str, reason: Reason) -> None:
    assert decode({"code": status, "error_code": name, "msg": "no"}, status) == Rejected(reason)
    assert decode({"code": name, "message": "no"}, status) == Rejected(reason)


@pytest.mark.parametrize("answer", [{"code": 403, "error_code": "captcha_failed"}, {"code": 403}, {"message": "no"}])
def test_any_other_refusal_tells_nothing_of_the_token(answer: Any) -> None:
    assert isinstance(decode(answer, 403), Unavailable)


@pytest.mark.parametrize("text", ["Invalid API key", "No API key found in request"])
def test_a_refused_key_of_our_own_is_our_fault_and_not_the_caller_s(text: str) -> None:
    answer = {"message": text, "hint": "Double check your Supabase `anon` or `service_role` API key."}
    assert isinstance(decode(answer, 401), Unavailable)


def test_the_project_s_key_is_sent_and_never_shown() -> None:
    dialect = client("supabase", apikey="the-projects-key")
    request = dialect.request(BEARER)
    assert request is not None
    assert dict(request.headers)["apikey"] == "the-projects-key"
    assert "the-projects-key" not in repr(request)


def test_the_project_s_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the-projects-key\n", encoding="utf-8")
    request = client("supabase", apikey_file=str(tmp_path / "key")).request(BEARER)
    assert request is not None
    assert dict(request.headers)["apikey"] == "the-projects-key"


def test_an_anonymous_user_is_nobody_unless_the_config_says_otherwise() -> None:
    anonymous = {**SUPABASE_JSON, "is_anonymous": True, "email": ""}
    assert decode(anonymous) == Rejected(Reason.UNKNOWN)
    assert isinstance(decode(anonymous, anonymous=True), Found)
