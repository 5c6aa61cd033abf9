from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_reader import ResponseReader
from tests.support.fakes.fake_sink import FakeSink
from tests.support.garbage import no_garbage


def reading(*, head_request: bool = False, upgrading: bool = False) -> tuple[ResponseReader, FakeSink]:
    sink = FakeSink()
    return ResponseReader(sink, 1000, head_request=head_request, upgrading=upgrading), sink


@pytest.mark.parametrize(
    ("answer", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello more", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\x00", False),
    ],
)
def test_only_what_ends_cleanly_leaves_the_connection_usable(answer: bytes, keep_alive: bool) -> None:
    reader, sink = reading()
    reader.feed(answer)
    assert (reader.complete, sink.received, reader.keep_alive) == (True, b"hello", keep_alive)


def test_only_a_body_without_a_length_ends_with_the_upstreams_bytes() -> None:
    for head, complete in ((b"", True), (b"Content-Length: 9\r\n", False), (b"Transfer-Encoding: chunked\r\n", False)):
        reader, _ = reading()
        reader.feed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        reader.feed_eof()
        assert (reader.complete, reader.keep_alive and complete) == (complete, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 103 E\r\nLink: y\r\n\r\n" * 50 + b"HTTP/1.1 204 No\r\n\r\n",
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 103 E\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_what_cannot_be_understood_is_a_bad_response(answer: bytes) -> None:
    reader, sink = reading()
    with pytest.raises(ExchangeError) as failed:
        reader.feed(answer)
    assert failed.value.fault is Fault.BAD_RESPONSE
    assert not sink.heads


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def feed_by(reader: ResponseReader, answer: bytes, size: int) -> None:
    for start in range(0, len(answer), size):
        reader.feed(answer[start : start + size])


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize(
    "framing",
    [
        b"2\r\nok\r\n0;" + b"e" * 2000 + b"\r\n\r\n",
        b"2\r\nok\r\n0\r\n" + b"X: y\r\n" * 400 + b"\r\n",
        b"2;" + b"e" * 100_000,
        b"1;" + b"e" * 200 + b"\r\no\r\n",
    ],
)
def test_more_framing_than_body_is_a_bad_response(framing: bytes, size: int) -> None:
    reader, sink = reading()
    with pytest.raises(ExchangeError) as failed:
        feed_by(reader, CHUNKED + framing * 10, size)
    assert failed.value.fault is Fault.BAD_RESPONSE
    assert "framing" in str(failed.value)
    assert sink.outcome == ""


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n",
        CHUNKED + b"00000001;e\r\nx\r\n" * 5000 + b"0\r\nX: y\r\n\r\n",
        CHUNKED + b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 103 E\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
    ],
)
def test_a_large_body_is_no_long_head_however_it_comes(answer: bytes, size: int) -> None:
    reader, sink = reading()
    feed_by(reader, answer, size)
    assert reader.complete
    assert reader.keep_alive
    assert sink.received == b"x" * 5000


def test_a_switch_keeps_what_came_behind_it() -> None:
    reader, _ = reading(upgrading=True)
    reader.feed(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst")
    assert reader.switched is not None
    assert (reader.switched.status, reader.rest) == (101, b"first")


@pytest.mark.slow
def test_a_closed_reader_leaves_nothing_to_the_garbage_collector() -> None:
    with no_garbage():
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 204 No\r\n\r\n"):
            reader, _ = reading()
            reader.feed(answer)
            assert reader.complete
            reader.close()
            del reader


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
]


@given(st.lists(st.tuples(st.sampled_from(ANSWERS), st.integers(1, 40)), min_size=2, max_size=6))
def test_a_reader_that_restarts_reads_what_a_new_one_would(answers: list[tuple[bytes, int]]) -> None:
    again, _ = reading()
    for answer, size in answers:
        fresh, expected = reading()
        got = FakeSink()
        if again.between and again.keep_alive:
            again.restart(got, head_request=False, upgrading=False)
        else:
            again = ResponseReader(got, 1000, head_request=False, upgrading=False)
        for start in range(0, len(answer), size):
            again.feed(answer[start : start + size])
        fresh.feed(answer)
        assert (again.complete, again.keep_alive, got.received) == (True, fresh.keep_alive, expected.received)
        assert [(head.status, head.length, head.chunked) for head in got.heads] == [
            (head.status, head.length, head.chunked) for head in expected.heads
        ]


@pytest.mark.parametrize(
    "answer", [ANSWERS[0] + b"x", ANSWERS[0] + ANSWERS[0], ANSWERS[1] + b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_a_reader_that_saw_more_than_was_asked_for_is_not_for_another_exchange(answer: bytes) -> None:
    reader, sink = reading()
    reader.feed(answer)
    assert reader.complete
    assert not reader.keep_alive
    assert sink.received == b"ok"


def test_the_body_of_a_head_answer_is_not_waited_for_by_the_next() -> None:
    reader, _ = reading(head_request=True)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert reader.complete
    assert not reader.between
