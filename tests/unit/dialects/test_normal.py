from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest, InfoResponse
from gateway.dialects.normal import Normal, NormalForm
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.example_sessions import BEARER, COMPOSIO, FOUND, PAIR, PROJECT_KEY, ROCKETCHAT, WACHT
from tests.support.gateways.who_am_i import NOW


def say(verdict: Verdict | None, credential: Any = BEARER) -> InfoResponse:
    return Normal().reply(
        verdict, InfoRequest(path="/_gateway/session", now=NOW, request_id="req-1", credential=credential)
    )


def test_the_whole_session_comes_back_with_how_it_was_shown() -> None:
    form = msgspec.json.decode(say(FOUND["memghost"]).body, type=NormalForm)
    assert (form.session, form.auth_method) == (FOUND["memghost"].session, "bearer")
    assert form.expires_at == FOUND["memghost"].expires_at
    assert msgspec.json.decode(say(Found(WACHT)).body, type=NormalForm).session == WACHT


def test_what_is_a_secret_is_not_shown() -> None:
    for session, credential in ((COMPOSIO, PROJECT_KEY), (ROCKETCHAT, PAIR)):
        body = say(Found(session), credential).body
        assert b"whsec_" not in body
        assert b"orklPYtfnjnG6mG7" not in body
        assert credential.parts[-1].encode() not in body


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (None, 401, "unauthenticated"),
        (Rejected(Reason.EXPIRED), 401, "unauthenticated"),
        (Rejected(Reason.AMBIGUOUS), 401, "unauthenticated"),
        (Rejected(Reason.FORBIDDEN), 403, "forbidden"),
        (Unavailable("down", 9), 503, "unavailable"),
    ],
)
def test_a_refusal_has_the_shape_of_the_proxy_s_own(verdict: Verdict | None, status: int, code: str) -> None:
    reply = say(verdict)
    error = msgspec.json.decode(reply.body)["error"]
    assert list(error) == ["code", "message", "status", "request_id"]
    assert (reply.status, error["code"], error["status"], error["request_id"]) == (status, code, status, "req-1")


def test_401_challenges_and_503_says_when() -> None:
    assert dict(say(None).headers)[b"WWW-Authenticate"] == b'Bearer realm="gateway"'
    assert b"invalid_token" in dict(say(Rejected(Reason.UNKNOWN)).headers)[b"WWW-Authenticate"]
    assert dict(say(Unavailable("down", 9)).headers)[b"Retry-After"] == b"9"


def test_too_many_says_when() -> None:
    info_request = InfoRequest(path="/_gateway/session", now=NOW)
    reply = Normal().refuse(Refusal(RefusalCode.RATE_LIMITED, retry_after=4), info_request)
    assert (reply.status, dict(reply.headers)[b"Retry-After"]) == (429, b"4")
