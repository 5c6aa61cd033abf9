import json

import pytest

from gateway.endpoints.refusals import refusal_response
from gateway.model.answers import Reason
from gateway.model.refusal import Refusal, RefusalCode


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_has_the_one_shape(code: RefusalCode) -> None:
    response = refusal_response(Refusal(code, detail="internal detail"), "req-1")
    body = json.loads(response.body)
    assert (b"Content-Type", b"application/json") in response.fields
    assert body == {
        "error": {
            "code": code.value,
            "message": Refusal(code).message,
            "status": response.status,
            "request_id": "req-1",
        }
    }
    assert b"internal detail" not in response.body
    assert (b"Cache-Control", b"no-store") in response.fields


def test_401_names_a_challenge_and_tells_a_bad_token_from_none() -> None:
    nobody = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED), "r")
    bad = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED, rejected=Reason.EXPIRED), "r")
    assert dict(nobody.fields)[b"WWW-Authenticate"] == b'Bearer realm="gateway"'
    assert dict(bad.fields)[b"WWW-Authenticate"] == b'Bearer realm="gateway", error="invalid_token"'
    assert b"WWW-Authenticate" not in dict(refusal_response(Refusal(RefusalCode.FORBIDDEN), "r").fields)


def test_an_outage_says_when_to_come_back() -> None:
    assert (b"Retry-After", b"7") in refusal_response(Refusal(RefusalCode.UNAVAILABLE, retry_after=7), "r").fields


def test_several_cookies_can_be_cleared_at_once() -> None:
    pairs = ((b"Set-Cookie", b"a=; Max-Age=0"), (b"Set-Cookie", b"b=; Max-Age=0"))
    response = refusal_response(Refusal(RefusalCode.UNAUTHENTICATED), "r", pairs)
    assert response.fields[-2:] == pairs
