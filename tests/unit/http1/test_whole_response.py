from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http1.faults import ExchangeError
from gateway.http1.response_head import compose_head
from gateway.http1.response_reader import ResponseReader
from gateway.http1.whole_response import WholeResponses
from tests.support.fakes.fake_sink import FakeSink

WHOLE = b"HTTP/1.1 200 OK\r\nA: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"


def test_a_plain_response_needs_no_parser() -> None:
    found = WholeResponses(1000).read(WHOLE)
    assert found is not None
    head, body = found
    assert (head.status, head.length, body) == (200, 2, b"ok")
    assert head.lines == [b"A: a", b"Content-Type: text/plain"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"200 OK", b"204 No Content"), (b"200 OK", b"200 Fine"), (b"HTTP/1.1", b"HTTP/1.0"), (b"200", b"99"),
        (b"Length: 2", b"Length: 3"), (b"Length: 2", b"Length: 1"), (b"keep-alive", b"close"),
        (b"keep-alive", b"keep-alive, A"), (b"A: a", b"A:a"), (b"A: a", b"A:  a"), (b"A: a", b"A: a "),
        (b"A: a", b"A : a"), (b"A: a", b"A: a\x00"), (b"A: a", b"A: a\rB: b"), (b"A: a", b"A: a\nB: b"),
        (b"A: a", b"A: a\r\n b"), (b"A: a", b"Transfer-Encoding: chunked"), (b"A: a", b"Upgrade: x"),
        (b"A: a", b"CONNECTION: close"), (b"A: a", b"Proxy-Connection: close"),
        (b"A: a", b"no colon"), (b"A: a", b": a"), (b"\r\n\r\nok", b"\r\n"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    assert WholeResponses(1000).read(WHOLE.replace(old, new)) is None


def test_a_head_beyond_the_limit_is_left_to_the_parser() -> None:
    assert WholeResponses(50).read(WHOLE) is None


def parsed(data: bytes) -> tuple[object, ...]:
    """Return what the parser makes of a response, or why it refuses it."""
    sink = FakeSink()
    reader = ResponseReader(sink, 4096, head_request=False, upgrading=False)
    try:
        reader.feed(data)
    except ExchangeError as error:
        return ("refused", error.fault)
    heads = [compose_head(head, b"", ()) for head in sink.heads]
    return heads, sink.received, sink.outcome, reader.complete and reader.keep_alive


LINES = (
    b"A: a", b"a: b", b"Content-Length: 2", b"Content-Length: 02", b"content-length: 2", b"Connection: keep-alive",
    b"Connection: close", b"connection: Keep-Alive", b"Set-Cookie: x=y", b"Transfer-Encoding: chunked", b"X: \xff",
    b"X:\ty", b"X: y\x7f", b" folded", b"X", b"Keep-Alive: 5", b"Content-Type: text/event-stream", b"X: ",
    b"Proxy-Connection: close", b"proxy-connection: keep-alive",
)  # fmt: skip


RESPONSES = st.builds(
    lambda first, lines, body: b"\r\n".join((first, *lines, b"", b"")) + body,
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.0 200 OK", b"HTTP/1.1 500 Oh"]),
    st.lists(st.one_of(st.sampled_from(LINES), st.binary(max_size=12)), max_size=6),
    st.sampled_from([b"ok", b"", b"o", b"okk", b"HTTP/1.1 200 OK\r\n\r\n"]),
)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.lists(st.tuples(RESPONSES, st.booleans()), min_size=1, max_size=3))
def test_it_accepts_nothing_that_the_parser_reads_otherwise(responses: list[tuple[bytes, bool]]) -> None:
    """Nor does it once it remembers a head: each response may come again."""
    connection = WholeResponses(4096)
    for data, again in responses:
        for _ in range(1 + again):
            whole = connection.read(data)
            if whole is not None:
                head, body = whole
                assert parsed(data) == ([compose_head(head, b"", ())], body, "complete", True)
                framing = b"Content-Length: %d\r\n" % len(body)
                assert head.plain == compose_head(head, framing, ())


def test_a_head_that_came_before_is_one_as_long_as_its_body_is_too() -> None:
    connection = WholeResponses(1000)
    first, again = connection.read(WHOLE), connection.read(WHOLE)
    assert first is not None
    assert again is not None
    assert again[0] is first[0]
    assert connection.read(WHOLE + b"more") is None
    assert connection.read(WHOLE[:-1]) is None
    assert connection.read(WHOLE) is not None


@pytest.mark.parametrize(
    "line", [b"Set-Cookie: a=b", b"set-cookie: a=b; Path=/", b"X-Long: " + bytes(1000).hex().encode()]
)
def test_a_head_with_a_cookie_or_without_measure_is_not_remembered(line: bytes) -> None:
    connection = WholeResponses(4096)
    data = WHOLE.replace(b"A: a", line)
    first, again = connection.read(data), connection.read(data)
    assert first is not None
    assert again is not None
    assert again[0] is not first[0]
