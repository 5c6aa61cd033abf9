from __future__ import annotations

import pytest

from gateway.http1.head_buffer import HeadBuffer
from gateway.http1.head_parser import HeadLimits
from gateway.model.errors import MalformedError

HEAD = b"GET / HTTP/1.1\r\nX: y\r\n\r\n"
LIMITS = HeadLimits(head_bytes=len(HEAD) + 2, target_bytes=4)


def test_heads_are_cut_one_by_one_and_the_rest_is_held() -> None:
    buffer = HeadBuffer(LIMITS)
    assert buffer.head(HEAD + HEAD + b"GET") == HEAD
    assert len(buffer) == len(HEAD) + 3
    buffer.hold(b" /")
    assert buffer.head(b"") == HEAD
    assert (buffer.head(b""), len(buffer)) == (None, 5)
    assert (buffer.take(), len(buffer)) == (b"GET /", 0)


def test_a_body_is_handed_over_in_the_order_in_which_it_came() -> None:
    buffer = HeadBuffer(LIMITS)
    assert buffer.head(HEAD + b"a") == HEAD
    buffer.hold(b"b")
    buffer.hold(b"c")
    assert buffer.take() == b"abc"
    buffer.hold(b"d")
    buffer.hold(b"ef")
    assert (buffer.take(2), buffer.take(0), buffer.take()) == (b"de", b"", b"f")


@pytest.mark.parametrize("lines", [0, 1])
def test_empty_lines_are_skipped_within_the_limit(lines: int) -> None:
    assert HeadBuffer(LIMITS).head(b"\r\n" * lines + HEAD) == HEAD
    with pytest.raises(MalformedError) as refused:
        HeadBuffer(LIMITS).head(b"\r\n" * 2 + HEAD)
    assert refused.value.refusal.status == 431


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"\x16\x03\x01", 400),
        (b"SSH-2.0-x\r\n", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\rX", 400),
        (b"GET /1234 HTTP/1.1\r\n", 414),
        (b"GET /" + b"a" * 30, 414),
        (b"G" * 30, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 30, 431),
        (b"\r\n" * 30, 431),
    ],
)
def test_what_cannot_become_a_head_is_refused_before_it_ends(begun: bytes, status: int) -> None:
    with pytest.raises(MalformedError) as refused:
        HeadBuffer(LIMITS).head(begun)
    assert refused.value.refusal.status == status


def test_a_head_that_is_one_byte_short_of_its_limit_is_waited_for() -> None:
    buffer = HeadBuffer(LIMITS)
    for place in range(LIMITS.head_bytes - 1):
        assert buffer.head(b"GET / HTTP/1.1\r\nX: yyyyyyyyyy"[place : place + 1]) is None
    with pytest.raises(MalformedError):
        buffer.head(b"y")
