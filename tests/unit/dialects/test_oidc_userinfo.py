"""What is UserInfo's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from tests.support.builders.dialects import client
from tests.support.builders.example_sessions import BEARER
from tests.support.builders.product_examples import OIDC_USERINFO_JSON


def decode(answer: Any, status: int = 200, content_type: str = "application/json") -> Found | Rejected | Unavailable:
    body = msgspec.json.encode(answer)
    return client("oidc_userinfo").decode(RemoteResponse(status, content_type, body), BEARER)


def test_a_token_without_the_scope_is_forbidden_and_any_other_403_tells_nothing() -> None:
    assert decode({"error": "insufficient_scope"}, 403) == Rejected(Reason.FORBIDDEN)
    assert isinstance(decode({"error": "access_denied"}, 403), Unavailable)


def test_the_subject_alone_is_enough() -> None:
    answer = decode({"sub": "1"})
    assert isinstance(answer, Found)
    assert (answer.session.subject, answer.session.user and answer.session.user.email) == ("1", None)


@pytest.mark.parametrize("verified", [True, False, None])
def test_what_the_issuer_says_of_an_address_is_kept(verified: bool | None) -> None:
    answer = decode({**OIDC_USERINFO_JSON, "email_verified": verified})
    assert isinstance(answer, Found)
    assert answer.session.user is not None
    assert answer.session.user.email_verified is verified


def test_a_signed_answer_is_none() -> None:
    assert isinstance(decode(OIDC_USERINFO_JSON, content_type="application/jwt"), Unavailable)
