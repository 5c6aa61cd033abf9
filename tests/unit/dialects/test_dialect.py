from __future__ import annotations

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteRequest, RemoteResponse
from tests.support.builders.example_sessions import BEARER
from tests.support.gateways.who_am_i import NOW


def test_an_ask_does_not_show_the_secret_that_it_carries() -> None:
    assert "bearer-token" not in repr(InfoRequest(path="/", now=NOW, shown=BEARER))


def test_a_question_does_not_show_the_secret_that_it_carries() -> None:
    question = RemoteRequest((("Authorization", "Bearer bearer-token"),), (("sessionId", "s1"),))
    assert "bearer-token" not in repr(question)


def test_what_was_said_and_heard_may_echo_a_key_and_is_not_shown() -> None:
    assert "sk_live" not in repr(RemoteResponse(200, "application/json", b'{"key":"sk_live_1"}'))
    assert "sk_live" not in repr(InfoResponse(200, b'{"key":"sk_live_1"}', ((b"Set-Cookie", b"__session=sk_live_1"),)))
