"""The pieces of Envoy's door: messages, statuses, and what a question is read as."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc_tools import protoc

from gateway.ext_authz.check_request import CheckReading
from gateway.ext_authz.check_response import Wording, is_grpc
from gateway.ext_authz.grpc_message import GrpcError, read_message, write_message
from gateway.ext_authz.messages import DESCRIPTORS, CheckResponse
from gateway.ext_authz.statuses import percent_encoded, status_of
from gateway.model.decision import Response
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from tests.support.clients.authorization_client import question
from tests.support.repository import ROOT

PROTO = ROOT / "gateway/ext_authz"


def test_the_descriptors_are_what_the_compiler_makes_of_the_file(tmp_path: Path) -> None:
    made = tmp_path / DESCRIPTORS
    assert protoc.main(["protoc", f"-I{PROTO}", f"--descriptor_set_out={made}", "external_auth.proto"]) == 0
    assert made.read_bytes() == (PROTO / DESCRIPTORS).read_bytes(), "make proto"


@pytest.mark.parametrize("message", [b"", b"a", bytes(70_000)])
def test_a_message_is_read_as_it_was_written(message: bytes) -> None:
    assert read_message(write_message(message)) == message
    for broken in (write_message(message)[:-1], write_message(message) + b"\0", b"\1" + write_message(message)[1:]):
        with pytest.raises(GrpcError):
            read_message(broken)


def test_no_refusals_status_is_ok() -> None:
    assert all(status_of(status)[0] for status in range(200, 600))
    assert percent_encoded("50 % Zoë\n") == b"50 %25 Zo%C3%AB%0A"


def test_a_question_is_read_as_the_decision_request_over_http() -> None:
    reading = CheckReading("/door", frozenset({b"x-api-key"}), 1000)
    asked = question(
        "/a?b", ("x-api-key", "k"), ("connection", "close"), ("x-real-ip", "9"), ("x-forwarded-for", "1.2.3.4")
    )
    assert reading.head(asked) == (
        b"GET /door/a?b HTTP/1.1\r\nHost: app.test\r\nX-Real-IP: 1.2.3.4, 192.0.2.7\r\n"
        b"x-forwarded-proto: http\r\nx-api-key: k\r\nx-forwarded-for: 1.2.3.4\r\n\r\n"
    )
    asked.attributes.request.http.header_map.headers[4].raw_value = b"https"
    assert b"x-forwarded-proto: https\r\n" in reading.head(asked), "Envoy's word, and not the client's :scheme"
    del asked.attributes.request.http.header_map.headers[4]
    assert b"X-Forwarded-Proto: http\r\n" in reading.head(asked)
    with pytest.raises(MalformedError):
        reading.head(question("/" + "a" * 1000))


def test_only_a_decision_makes_an_allow() -> None:
    worded = CheckResponse.FromString(Wording(b"remove").word(Response(200), None, None))
    assert (worded.status.code != 0, worded.denied_response.status.code) == (True, 403)
    two = Response(401, ((b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")), b"page")
    worded = CheckResponse.FromString(
        Wording(b"remove").word(two, None, Headers([(b"Content-Type", b"application/grpc")]))
    )
    assert [field.header.value for field in worded.denied_response.headers][:2] == ["a", "b"]
    assert worded.denied_response.body == worded.status.message


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"Application/gRPC; charset=a", True),
        (b"application/grpc-web", False),
        (b"application/json", False),
    ],
)
def test_a_grpc_caller_is_known_by_its_content_type(content_type: bytes, expected: bool) -> None:
    assert is_grpc(Headers([(b"content-type", content_type)])) is expected
    assert not is_grpc(Headers([]))
