from __future__ import annotations

import pytest

from gateway.front.response_writer import ResponseWriter
from gateway.model.decision import Response

PLAIN = Response(200, ((b"X-A", b"a"), (b"X-A", b"b")), b"body")


class Clock:
    now = 784111777.5

    def __call__(self) -> float:
        return self.now


def compose(response: Response, **options: bool) -> tuple[list[bytes], bytes]:
    defaults = {"head_request": False, "http_1_0": False, "closes": False}
    head, _, body = ResponseWriter(Clock()).compose(response, **{**defaults, **options}).partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def test_an_answer_says_who_when_and_how_long() -> None:
    assert compose(PLAIN) == (
        [
            b"HTTP/1.1 200 OK",
            b"X-A: a",
            b"X-A: b",
            b"Content-Length: 4",
            b"Date: Sun, 06 Nov 1994 08:49:37 GMT",
            b"Server: gateway",
        ],
        b"body",
    )


def test_head_is_told_the_length_of_what_it_does_not_get() -> None:
    lines, body = compose(PLAIN, head_request=True)
    assert (b"Content-Length: 4" in lines, body) == (True, b"")


def test_no_content_has_no_length() -> None:
    lines, body = compose(Response(204, body=b"lost"))
    assert (any(line.startswith(b"Content-Length") for line in lines), body) == (False, b"")


def test_the_connections_end_is_announced_and_so_is_its_staying_to_http_1_0() -> None:
    assert compose(PLAIN, closes=True, http_1_0=True)[0][-1] == b"Connection: close"
    assert compose(PLAIN, http_1_0=True)[0][-1] == b"Connection: keep-alive"


def test_the_date_moves_with_the_clock() -> None:
    clock = Clock()
    writer = ResponseWriter(clock)
    options = {"head_request": False, "http_1_0": False, "closes": False}
    assert b":37 GMT" in writer.compose(PLAIN, **options)
    clock.now += 1
    assert b":38 GMT" in writer.compose(PLAIN, **options)


@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b=c", b"a\nb", b"a\rb"])
def test_a_field_of_two_lines_is_not_sent(value: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        compose(Response(200, ((b"X-A", value),)))
