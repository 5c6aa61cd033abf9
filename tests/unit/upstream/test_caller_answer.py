from __future__ import annotations

import pytest

from gateway.http1.response_head import ResponseHead
from gateway.model.route import UpstreamAddress
from gateway.upstream.caller_answer import CallerAnswer
from tests.support.builders.carriages import downstream_request, forward_context
from tests.support.fakes.fake_transport import FakeClient


class Answering:
    """An answer, and the caller that it is written to."""

    def __init__(self, version: tuple[int, int] = (1, 1), caller_headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.client = FakeClient()
        request = downstream_request(version=version, connection=self.client)
        self.answer = CallerAnswer(
            forward_context(request, caller_headers=caller_headers), UpstreamAddress("http", "up", 80)
        )

    def whole(self, head: ResponseHead, body: bytes) -> bytes:
        self.answer._write_whole(self.answer._compose(head), body)
        return self.client.fake.written


def response(length: int | None, declared: bytes | None) -> ResponseHead:
    return ResponseHead(200, b"OK", [b"A: a"], length, length is None, declared, event_stream=False)


@pytest.mark.parametrize("size", [0, 2, 16 * 1024, 16 * 1024 + 1, 200_000])
def test_a_whole_answer_is_head_and_body_whatever_its_size(size: int) -> None:
    body = b"x" * size
    written = Answering().whole(response(size, b"%d" % size), body)
    assert written == b"HTTP/1.1 200 OK\r\nA: a\r\nContent-Length: %d\r\n\r\n" % size + body


def test_what_we_tell_the_caller_takes_the_place_of_the_upstreams() -> None:
    written = Answering(caller_headers=((b"a", b"b"),)).whole(response(0, b"0"), b"")
    assert written == b"HTTP/1.1 200 OK\r\na: b\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(("version", "unframed"), [((1, 1), False), ((1, 0), True)])
def test_a_body_without_a_length_ends_as_the_caller_can_tell(version: tuple[int, int], unframed: bool) -> None:
    answer = Answering(version).answer
    head = answer._compose(response(None, None))
    assert (answer.unframed, b"Transfer-Encoding: chunked\r\n" in head) == (unframed, not unframed)
    assert (b"Connection: close\r\n" in head, answer.keep_alive) == (unframed, not unframed)
