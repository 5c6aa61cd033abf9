import json

import pytest

from gateway.endpoints.refusals import refusal_response
from gateway.model.answers import Reason
from gateway.model.refusal import Refusal, RefusalCode


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_has_the_one_shape(code: RefusalCode) -> None:
    response = refusal_response(Refusal(code, detail="internal detail"), "req-1")
    body = json.loads(bytes(response.body))
    assert response.content_type == "application/json"
    assert body == {
        "error": {
            "code": code.value,
            "message": Refusal(code).message,
            "status": response.status,
            "request_id": "req-1",
        }
    }
    assert b"internal detail" not in bytes(response.body)
    assert response.headers["Cache-Control"] == "no-store"


def test_401_names_a_challenge_and_tells_a_bad_token_from_none() -> None:
    nobody = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED), "r")
    bad = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED, rejected=Reason.EXPIRED), "r")
    assert nobody.headers["WWW-Authenticate"] == 'Bearer realm="gateway"'
    assert bad.headers["WWW-Authenticate"] == 'Bearer realm="gateway", error="invalid_token"'
    assert "WWW-Authenticate" not in refusal_response(Refusal(RefusalCode.FORBIDDEN), "r").headers


def test_an_outage_says_when_to_come_back() -> None:
    assert refusal_response(Refusal(RefusalCode.UNAVAILABLE, retry_after=7), "r").headers["Retry-After"] == "7"


def test_several_cookies_can_be_cleared_at_once() -> None:
    pairs = ((b"Set-Cookie", b"a=; Max-Age=0"), (b"Set-Cookie", b"b=; Max-Age=0"))
    response = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED), "r", pairs)
    assert response.headers.getall("Set-Cookie") == ["a=; Max-Age=0", "b=; Max-Age=0"]
