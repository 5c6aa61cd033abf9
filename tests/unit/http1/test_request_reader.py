"""One table of bytes and of what they come to, each read whole, byte by byte, and in every two or three pieces."""

from __future__ import annotations

import pytest

from gateway.http1.block_memory import SharedBlocks
from gateway.http1.request_reader import HeadLimits, RequestReader, State
from gateway.model.errors import MalformedError
from tests.support.garbage import no_garbage
from tests.support.readers.request_events import Event, EventSink, byte_by_byte, events, in_three, in_two

LIMITS = HeadLimits(head_bytes=200, headers=6, target_bytes=60)
HOST = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
FILL = b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n"
LONG = 200 - len(FILL % b"")


def head(
    method: str, target: str, *fields: tuple[bytes, bytes], version: tuple[int, int] = (1, 1), keep_alive: bool = True
) -> Event:
    return "head", method, target, version, fields, keep_alive


A = (b"Host", b"a")
GOT = head("GET", "/", A)
POSTED = head("POST", "/", A, (b"Transfer-Encoding", b"chunked"))
OPEN = ("open", State.HEAD, False)
BAD = ("refused", "malformed_request")
TOO_LARGE = ("refused", "headers_too_large")
TOO_LONG = ("refused", "uri_too_long")

READ: list[tuple[bytes, list[Event]]] = [
    (GET, [GOT, OPEN]),
    (GET * 3, [GOT, GOT, GOT, OPEN]),
    (GET + GET[:-1], [GOT, ("open", State.HEAD, True)]),
    (b"\r\n" + GET + b"\r\n\r\n" + GET + b"\r\n", [GOT, GOT, OPEN]),
    (b"PROPFIND / HTTP/1.0\r\n\r\n", [head("PROPFIND", "/", version=(1, 0), keep_alive=False), OPEN]),
    (b"GET /\xff?x HTTP/1.1\r\n" + HOST + b"\r\n", [head("GET", "/\udcff?x", A), OPEN]),
    (POST + b"Content-Length: 0\r\n\r\n", [head("POST", "/", A, (b"Content-Length", b"0")), OPEN]),
    (
        POST + b"Content-Length: 3\r\n\r\nabc" + GET,
        [head("POST", "/", A, (b"Content-Length", b"3")), ("body", b"abc"), GOT, OPEN],
    ),
    (
        POST + b"Content-Length: 3\r\n\r\nab",
        [head("POST", "/", A, (b"Content-Length", b"3")), ("open", State.LENGTH, False)],
    ),
    (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET, [POSTED, ("body", b"abc"), GOT, OPEN]),
    (CHUNKED + b"0\r\n\r\n\r\n" + GET, [POSTED, ("body", b""), GOT, OPEN]),
    (CHUNKED + b"1\r\na\r\n2;x\r\nbc\r\n0\r\nX-Api-Key: evil\r\n\r\n" + GET, [POSTED, ("body", b"abc"), GOT, OPEN]),
    (CHUNKED + b"3\r\nabc\r\n0\r\n\r", [POSTED, ("open", State.CHUNKED, False)]),
    (
        WEBSOCKET + b"\r\nearly",
        [
            head("GET", "/ws", A, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")),
            ("upgrade", b"early"),
            ("open", State.UPGRADED, False),
        ],
    ),
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na" + GET,
        [
            head("GET", "/", A, (b"Connection", b"Upgrade"), (b"Upgrade", b"h2c"), (b"Content-Length", b"1")),
            ("body", b"a"),
            GOT,
            OPEN,
        ],
    ),
    (FILL % (b"x" * LONG), [head("GET", "/", A, (b"X", b"x" * LONG)), OPEN]),
]

REFUSED: list[tuple[bytes, Event]] = [
    (b"\r\n" + FILL % (b"x" * (LONG - 1)), TOO_LARGE),
    (FILL % (b"x" * (LONG + 1)), TOO_LARGE),
    (b"X" * 300, TOO_LARGE),
    (b"\r\n" * 300, TOO_LARGE),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 6 + b"\r\n", TOO_LARGE),
    (b"GET /" + b"a" * 60 + b" HTTP/1.1\r\n\r\n", TOO_LONG),
    (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n\r\n", TOO_LONG),
    (b"GET /" + b"a" * 300, TOO_LONG),
    (b"SSH-2.0-OpenSSH\r\n", BAD),
    (b"GET /\r\n", BAD),
    (b"\x16\x03\x01\x02", BAD),
    (b"\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    (b"\rGET / HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    (b"GET / HTTP/1.1\n" + HOST + b"\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\n\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: a\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\n X: y\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD),
    (b"GET / HTTP/2.0\r\n\r\n", BAD),
    (b"GET  / HTTP/1.1\r\n\r\n", BAD),
    (b"GET / HTTP/1.1 \r\n\r\n", BAD),
    (b"GET /\t HTTP/1.1\r\n\r\n", BAD),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", BAD),
    (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", BAD),
    (POST + b"Content-Length: +1\r\n\r\n", BAD),
    (POST + b"Content-Length: 01\r\n\r\n", BAD),
    (POST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", BAD),
    (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),
    (POST + b"Expect: 200-ok\r\n\r\n", BAD),
    (WEBSOCKET + b"Content-Length: 1\r\n\r\n", BAD),
]


@pytest.mark.slow
@pytest.mark.parametrize(("data", "read"), READ + [(data, [refusal]) for data, refusal in REFUSED])
def test_what_bytes_come_to_is_the_same_however_they_are_cut(data: bytes, read: list[Event]) -> None:
    assert events([data], LIMITS) == read
    assert events(byte_by_byte(data), LIMITS) == read
    for pieces in in_two(data):
        assert events(pieces, LIMITS) == read
    if len(data) < 60:
        for pieces in in_three(data):
            assert events(pieces, LIMITS) == read


@pytest.mark.parametrize(
    "chunks", [b"3 \r\nabc\r\n0\r\n\r\n", b"3\nabc", b"3\r\nabcd\r\n", b"0\r\nContent-Length: 3\r\n\r\n"]
)
def test_a_broken_body_is_refused_and_nothing_behind_it_is_read(chunks: bytes) -> None:
    data = CHUNKED + chunks + GET
    for pieces in ([data], byte_by_byte(data), *in_two(data)):
        assert events(pieces, LIMITS) == [POSTED, BAD]


def test_a_refusal_is_for_ever() -> None:
    reader = RequestReader(LIMITS, SharedBlocks(0))
    for _ in range(3):
        with pytest.raises(MalformedError):
            reader.feed(b"\x00\r\n\r\n")
    with pytest.raises(MalformedError):
        reader.feed(GET)
    with pytest.raises(MalformedError):
        reader.next()
    assert reader.state is State.REFUSED


def test_nothing_is_read_behind_a_request_that_is_not_answered() -> None:
    reader = RequestReader(LIMITS, SharedBlocks(0))
    assert reader.feed(GET + b"\x00\x01") is not None
    assert reader.feed(b"\x02" * 1000) is None
    assert (reader.state, reader.held, reader.begun) == (State.DONE, 1002, False)
    with pytest.raises(MalformedError):
        reader.next()


def test_a_body_waits_until_it_is_wanted() -> None:
    reader = RequestReader(LIMITS, SharedBlocks(0))
    read: list[Event] = []
    assert reader.feed(POST + b"Content-Length: 4\r\n\r\na") is not None
    assert reader.feed(b"bc") is None
    assert (reader.state, reader.held) == (State.LENGTH, 3)
    reader.start_body(EventSink(read))
    assert (read, reader.held) == ([], 0)
    assert reader.feed(b"d" + GET) is None
    assert (read, reader.held) == ([("body", b"abcd")], len(GET))


@pytest.mark.parametrize("call", ["start_body", "next", "upgrade"])
def test_what_is_out_of_turn_is_a_fault_of_the_program(call: str) -> None:
    reader = RequestReader(LIMITS, SharedBlocks(0))
    arguments = [EventSink([])] if call == "start_body" else []
    with pytest.raises(RuntimeError, match="HEAD"):
        getattr(reader, call)(*arguments)
    assert reader.feed(GET) is not None
    if call == "start_body":
        with pytest.raises(RuntimeError, match="DONE"):
            reader.start_body(EventSink([]))


@pytest.mark.slow
def test_nothing_is_left_to_the_garbage_collector() -> None:
    with no_garbage():
        for data, _ in REFUSED:
            events([data], LIMITS)
        for data, _ in READ:
            events(byte_by_byte(data), LIMITS)
