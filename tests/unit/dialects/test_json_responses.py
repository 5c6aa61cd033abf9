from __future__ import annotations

import msgspec

from gateway.dialects.json_responses import json_reply, retry_later


class Body(msgspec.Struct):
    b: int
    a: str


def test_keys_come_in_the_order_of_the_document() -> None:
    reply = json_reply(201, Body(1, "ü"), ((b"X", b"y"),))
    assert (reply.status, reply.body, reply.headers) == (201, '{"b":1,"a":"ü"}'.encode(), ((b"X", b"y"),))


def test_whoever_is_sent_away_is_told_when_to_come_back() -> None:
    assert retry_later(30) == ((b"Retry-After", b"30"),)
    assert retry_later(None) == ((b"Retry-After", b"1"),)
