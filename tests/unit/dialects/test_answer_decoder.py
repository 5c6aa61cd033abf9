from __future__ import annotations

import msgspec
import pytest

from gateway.dialects.answer_decoder import AnswerDecoder, parse
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.session import Session


class Document(msgspec.Struct):
    who: str


class Sorry(msgspec.Struct):
    sorry: str


DECODER = AnswerDecoder(Document, Sorry, {403: Reason.FORBIDDEN, 404: Reason.GONE})


def to_answer(document: Document) -> Found | Rejected:
    if document.who == "two":
        raise msgspec.ValidationError("two users")
    return Found(Session(subject=document.who))


def decode(status: int, body: bytes, content_type: str = "application/json") -> Found | Rejected | Unavailable:
    return DECODER.decode(RemoteResponse(status, content_type, body), to_answer)


@pytest.mark.parametrize("content_type", ["application/json", "application/problem+json"])
def test_a_success_is_understood(content_type: str) -> None:
    assert decode(200, b'{"who": "u"}', content_type) == Found(Session(subject="u"))


@pytest.mark.parametrize(("status", "reason"), [(403, Reason.FORBIDDEN), (404, Reason.GONE)])
def test_a_refusal_in_the_product_s_words_is_a_rejection(status: int, reason: Reason) -> None:
    assert decode(status, b'{"sorry": "no"}') == Rejected(reason)
    assert isinstance(decode(status, b'{"message": "no route"}'), Unavailable)
    assert isinstance(decode(status, b"<html>", "text/html"), Unavailable)


@pytest.mark.parametrize("status", [201, 204, 206, 302, 400, 500])
def test_any_other_status_tells_nothing(status: int) -> None:
    assert isinstance(decode(status, b'{"who": "u"}'), Unavailable)


def test_what_is_well_formed_and_still_not_the_product_s_tells_nothing() -> None:
    assert isinstance(decode(200, b'{"who": "two"}'), Unavailable)


def test_what_is_logged_of_a_strange_answer_is_not_its_content() -> None:
    answer = decode(200, b'{"token": "secret-1"}')
    assert isinstance(answer, Unavailable)
    assert "secret-1" not in answer.detail


def test_parse_returns_nothing_for_what_it_cannot_read() -> None:
    decoder = msgspec.json.Decoder(Document)
    assert parse(b'{"who": "u"}', decoder) == Document("u")
    assert parse(b"[" * 100_000, msgspec.json.Decoder(list)) is None
    assert parse(b'{"who": "\xff"}', decoder) is None
