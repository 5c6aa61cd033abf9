"""One suite for every dialect: one table of sessions and JSON, read in both directions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.dialect_sessions import sessions
from tests.support.builders.dialects import ANSWERS, EXAMPLES, SERVED, SPOKEN, Example, client, server
from tests.support.builders.example_sessions import CARRIERS

BOTH = [name for name in SERVED if name in SPOKEN]
NOW = datetime(2024, 12, 19, 15, 0, tzinfo=UTC)
JSON = "application/json"

served = pytest.mark.parametrize("name", SERVED)
spoken = pytest.mark.parametrize("name", SPOKEN)
both_ways = pytest.mark.parametrize("name", BOTH)


def info_request_of(name: str) -> InfoRequest:
    example = EXAMPLES[name]
    path = server(name).paths[0]
    return InfoRequest(path=path, query=example.query, now=NOW, request_id="req-1", credential=example.credential)


def reply_to(name: str, found: Found | Rejected | Unavailable | None) -> InfoResponse:
    reply = server(name).reply(found, info_request_of(name))
    assert isinstance(reply, InfoResponse)
    return reply


def decode(name: str, status: int, body: bytes, content_type: str = JSON) -> Found | Rejected | Unavailable:
    return client(name).decode(RemoteResponse(status, content_type, body), EXAMPLES[name].credential)


def heard(name: str, reply: InfoResponse) -> Found | Rejected | Unavailable:
    content_type = reply.content_type.partition(b";")[0].decode()
    return decode(name, reply.status, reply.body, content_type)


def encoded(answer: Any) -> bytes:
    return msgspec.json.encode(answer)


def is_within(part: Any, whole: Any) -> bool:
    """Tell whether every field of `part` is in `whole` with the same value; some answer with more than the document."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and is_within(part[key], whole[key]) for key in part)
    return bool(part == whole)


@served
def test_the_document_s_example_comes_back_field_for_field(name: str) -> None:
    example, reply = EXAMPLES[name], reply_to(name, EXAMPLES[name].found)
    answered = msgspec.json.decode(reply.body)
    assert reply.status == 200
    if example.less is not None:
        assert is_within(example.answer, answered)
    else:
        expected = example.served or example.answer
        assert answered == expected
        assert list(answered) == list(expected)


@spoken
def test_the_document_s_example_is_understood(name: str) -> None:
    example = EXAMPLES[name]
    assert decode(name, 200, encoded(example.answer)) == (example.less or example.found)


@both_ways
def test_what_is_said_is_understood(name: str) -> None:
    assert heard(name, reply_to(name, EXAMPLES[name].found)) == EXAMPLES[name].found


@spoken
def test_an_answer_of_another_product_is_no_answer(name: str) -> None:
    for other, answer in ANSWERS.items():
        if other != name:
            assert isinstance(decode(name, 200, encoded(answer)), Unavailable), other


@spoken
def test_a_new_field_at_the_remote_is_no_outage(name: str) -> None:
    answer = {**EXAMPLES[name].answer, "brand_new": {"deep": [1, None]}}
    assert isinstance(decode(name, 200, encoded(answer)), Found)


@spoken
def test_an_answer_without_one_of_its_ids_is_no_answer(name: str) -> None:
    for wrong in EXAMPLES[name].no_ids:
        answer = msgspec.json.decode(encoded(EXAMPLES[name].answer))
        *way, last = EXAMPLES[name].identifies
        place = answer
        for key in way:
            place = place[key]
        place[last] = wrong
        assert isinstance(decode(name, 200, encoded(answer)), Unavailable)


@spoken
@pytest.mark.parametrize("body", [b"null", b'{"active": false}', b'{"active":false,"anything":[]}'])
def test_a_success_that_says_nobody_is_a_rejection(name: str, body: bytes) -> None:
    assert decode(name, 200, body) == Rejected(Reason.UNKNOWN)


@spoken
@pytest.mark.parametrize("content_type", [JSON, "text/html", ""])
def test_401_is_a_rejection_whatever_is_in_it(name: str, content_type: str) -> None:
    assert decode(name, 401, b"<html>", content_type) == Rejected(Reason.UNKNOWN)


@spoken
@pytest.mark.parametrize("status", [301, 302, 307, 402, 404, 408, 418, 429, 500, 502, 503, 504])
def test_any_other_status_without_the_product_s_envelope_tells_nothing(name: str, status: int) -> None:
    assert isinstance(decode(name, status, b'{"message": "no such route"}'), Unavailable)


@spoken
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"{}", JSON),
        (b'"x"', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 100_000, JSON),
        (b'{"a":' * 100_000, JSON),
        (b"<html>log in</html>", "text/html"),
    ],
)
def test_what_is_not_the_dialect_s_json_tells_nothing(name: str, body: bytes, content_type: str) -> None:
    assert isinstance(decode(name, 200, body, content_type), Unavailable)


@spoken
def test_the_right_json_under_a_wrong_content_type_tells_nothing(name: str) -> None:
    assert isinstance(decode(name, 200, encoded(EXAMPLES[name].answer), "text/html"), Unavailable)


@both_ways
def test_what_we_refuse_is_heard_as_a_refusal(name: str) -> None:
    """Our own endpoint is a remote authority for another gateway."""
    for verdict in (None, *map(Rejected, (Reason.UNKNOWN, Reason.EXPIRED, Reason.REVOKED, Reason.AMBIGUOUS))):
        assert heard(name, reply_to(name, verdict)) == Rejected(Reason.UNKNOWN)


@served
def test_a_session_that_is_gone_has_the_status_that_the_product_has_for_it(name: str) -> None:
    reply, gone = reply_to(name, Rejected(Reason.GONE)), EXAMPLES[name].gone
    assert reply.status == gone if gone else reply.status in {200, 401}
    if name in BOTH:
        assert heard(name, reply) == Rejected(Reason.GONE if gone else Reason.UNKNOWN)


@served
def test_an_authority_that_cannot_be_asked_is_503_with_retry_after(name: str) -> None:
    reply = reply_to(name, Unavailable("down", 7))
    assert reply.status == 503
    assert (b"Retry-After", b"7") in reply.headers
    assert b"down" not in reply.body
    assert name not in SPOKEN or isinstance(heard(name, reply), Unavailable)


@served
def test_too_many_is_429_with_retry_after(name: str) -> None:
    refusal = Refusal(RefusalCode.RATE_LIMITED, "per address", None, 3)
    reply = server(name).refuse(refusal, info_request_of(name))
    assert reply.status == 429
    assert (b"Retry-After", b"3") in reply.headers
    assert name not in SPOKEN or isinstance(heard(name, reply), Unavailable)


@served
def test_a_fault_is_500_without_a_word_of_ours(name: str) -> None:
    reply = server(name).refuse(Refusal(RefusalCode.INTERNAL, "KeyError: 'x'"), info_request_of(name))
    assert reply.status == 500
    assert b"KeyError" not in reply.body
    assert name not in SPOKEN or isinstance(heard(name, reply), Unavailable)


@served
def test_every_answer_is_documented(name: str) -> None:
    dialect = server(name)
    assert all({405, 429, 500, 503} <= dialect.documented(path).keys() for path in dialect.paths)


@spoken
def test_only_the_credentials_that_the_dialect_names_are_sent(name: str) -> None:
    sent = {repr(credential): fields for credential, fields in EXAMPLES[name].sent}
    for credential in CARRIERS:
        request = client(name).request(credential)
        assert (None if request is None else dict(request.headers)) == sent.get(repr(credential))


@settings(max_examples=120)
@given(body=st.binary(max_size=300), status=st.sampled_from([200, 400, 401, 403, 404, 500]))
def test_no_answer_of_a_remote_raises(body: bytes, status: int) -> None:
    for name in SPOKEN:
        assert decode(name, status, body) is not None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120)
@given(data=st.data(), name=st.sampled_from(SPOKEN))
def test_a_damaged_answer_never_raises_and_never_changes_who_it_is_about(data: st.DataObject, name: str) -> None:
    example: Example = EXAMPLES[name]
    answer = msgspec.json.decode(encoded(example.answer))
    key = data.draw(st.sampled_from(sorted(answer)))
    answer[key] = data.draw(_json)
    decoded = decode(name, 200, encoded(answer))
    if isinstance(decoded, Found) and key != example.identifies[0]:
        assert decoded.session.subject == example.found.session.subject


@settings(max_examples=120)
@given(data=st.data(), name=st.sampled_from(BOTH))
def test_what_is_said_and_heard_keeps_every_field_that_the_dialect_carries(data: st.DataObject, name: str) -> None:
    found = msgspec.structs.replace(EXAMPLES[name].found, session=data.draw(sessions(name)))
    assert heard(name, reply_to(name, found)) == found
