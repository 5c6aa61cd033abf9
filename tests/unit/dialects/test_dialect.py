from __future__ import annotations

import msgspec

from gateway.dialects.dialect import (
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    json_response,
    retry_after_header,
)
from tests.support.builders.example_sessions import BEARER
from tests.support.gateways.who_am_i import NOW


def test_an_ask_does_not_show_the_secret_that_it_carries() -> None:
    assert "bearer-token" not in repr(InfoRequest(path="/", now=NOW, credential=BEARER))


def test_a_question_does_not_show_the_secret_that_it_carries() -> None:
    request = RemoteRequest((("Authorization", "Bearer bearer-token"),), (("sessionId", "s1"),))
    assert "bearer-token" not in repr(request)


def test_what_was_said_and_heard_may_echo_a_key_and_is_not_shown() -> None:
    assert "sk_live" not in repr(RemoteResponse(200, "application/json", b'{"key":"sk_live_1"}'))
    assert "sk_live" not in repr(InfoResponse(200, b'{"key":"sk_live_1"}', ((b"Set-Cookie", b"__session=sk_live_1"),)))


class Body(msgspec.Struct):
    b: int
    a: str


def test_keys_come_in_the_order_of_the_document() -> None:
    reply = json_response(201, Body(1, "ü"), ((b"X", b"y"),))
    assert (reply.status, reply.body, reply.headers) == (201, '{"b":1,"a":"ü"}'.encode(), ((b"X", b"y"),))


def test_whoever_is_sent_away_is_told_when_to_come_back() -> None:
    assert retry_after_header(30) == ((b"Retry-After", b"30"),)
    assert retry_after_header(None) == ((b"Retry-After", b"1"),)
