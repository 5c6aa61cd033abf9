"""What the reader accepts, aiohttp's parser (llhttp behind other checks) accepts too, and reads in the same way.

The documented widenings: any token is a method, a query may hold other bytes than ASCII, HTTP/1.0 may speak of an
upgrade, and `Sec-WebSocket-Key1` is a field like any other. Targets are judged by the parser of targets, which may
refuse what aiohttp does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http1.block_memory import SharedBlocks
from gateway.http1.request_reader import HeadLimits, RequestHead, RequestReader, State
from gateway.model.errors import MalformedError
from gateway.model.target import parse_target
from tests.support.readers.request_events import byte_by_byte, events

COMMON_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "PURGE"})

LINES = (
    *(b"GET / HTTP/1.1", b"GET /x/y HTTP/1.0", b"POST /z HTTP/1.1", b"DELETE / HTTP/1.1"),
    b"POST /a?b=c HTTP/1.1",
    b"HEAD /%2e HTTP/1.0",
    b"OPTIONS * HTTP/1.1",
    b"PROPFIND /x HTTP/1.1",
    b"FOO /x HTTP/1.1",
    b"VERSION-CONTROL /x HTTP/1.1",
    b"!#$%&'*+.^_`|~9-a /x HTTP/1.1",
    b"CONNECT a:1 HTTP/1.1",
    b"GET http://b/ HTTP/1.1",
    b"GET /\xc3\xa9 HTTP/1.1",
)
FIELDS = (
    b"X-Field: y z\t\xff",
    b"Empty:",
    b"Accept:*/* \t",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: keep-alive, close",
    b"Connection: upgrade, HTTP2-Settings",
    b"Upgrade: h2c",
    b"Upgrade: websocket, h2c",
    b"Expect: 100-continue",
    b"Sec-WebSocket-Key1: x",
)
FRAMED = (
    ((), b""),
    ((b"Connection: Upgrade", b"Upgrade: WebSocket"), b""),
    ((b"Content-Length: 3",), b"abc"),
    ((b"Content-Length:0 \t",), b""),
    ((b"Transfer-Encoding: chunked",), b"3\r\nabc\r\n0\r\n\r\n"),
    ((b"transfer-encoding:Chunked ",), b"3;e=f\r\nabc\r\n0;g\r\nX-T: u\r\n\r\n"),
    ((b"Transfer-Encoding: chunked",), b"1\r\na\r\nA\r\n\r\n0\r\n\r\n345\r\n0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked",), b"4\r\n\r\n\r\n\r\n0\r\n\r\n"),
)
LIKE_AN_ATTACK = (
    *(b"Host: b", b"Content-Length: 03", b"Content-Length: 3, 3", b"Content-Length: 3", b"Content-Length: 0"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: gzip, chunked"),
    *(b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked"),
    *(b"Upgrade: websocket", b"Connection: Upgrade", b"Expect: x", b"X: y\r\n z", b"X", b": y"),
)
MARKS = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\x00",
        b"\x0b",
        b"\x0c",
        b"\x1f",
        b"\x7f",
        b"\x80",
        b"\xa0",
        b"\xff",
    ),
    *(b" ", b"\t", b":", b",", b";", b'"', b"\\", b"/", b"#", b"0", b"1", b"f", b"x", b"-", b"+", b"%00", b"chunked"),
    *(b"0\r\n\r\n", b"GET / HTTP/1.1\r\n", b"ffffffffffffffff"),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One to three requests, most of them good; some with a line or with bytes that are like an attack."""
    data = b""
    for _ in range(draw(st.integers(1, 3))):
        framing, body = draw(st.sampled_from(FRAMED))
        fields = [b"Host: a", *framing, *draw(st.lists(st.sampled_from(FIELDS), max_size=2))]
        if draw(st.integers(0, 3)) == 0:
            fields.insert(draw(st.integers(0, len(fields))), draw(st.sampled_from(LIKE_AN_ATTACK)))
        data += b"\r\n".join((draw(st.sampled_from(LINES)), *fields, b"", b"")) + body
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2)))):
        place = draw(st.integers(0, len(data)))
        replaced = draw(st.sampled_from((0, 0, 1, 1, 2, 4)))
        data = data[:place] + draw(st.sampled_from((b"", *MARKS)) | st.binary(max_size=3)) + data[place + replaced :]
    return data


class Body:
    def __init__(self) -> None:
        self.data = b""
        self.complete = False

    def body(self, data: bytes) -> None:
        self.data += data

    def body_end(self) -> None:
        self.complete = True


def accepted(data: bytes) -> Iterator[tuple[bytes, RequestHead, bytes]]:
    """Read whole requests: each one's own bytes, its head and its body."""
    reader = RequestReader(HeadLimits(), SharedBlocks(2**20))
    place = 0
    try:
        head = reader.feed(data)
        while head is not None:
            body = Body()
            if reader.state is not State.DONE:
                reader.start_body(body)
            if reader.state is not State.DONE:
                return
            end = len(data) - reader.held
            yield data[place:end], head, body.data
            place = end
            head = None if head.upgrade else reader.next()
    except MalformedError:
        return


def old_reading(loop: asyncio.AbstractEventLoop, data: bytes) -> tuple[RawRequestMessage, bytes]:
    """Return the one request that aiohttp reads in `data`; raises what it raises."""
    limit = 10**6
    parser = HttpRequestParser(
        BaseProtocol(loop), loop, limit, max_line_size=limit, max_field_size=limit, max_headers=limit
    )
    messages, _, tail = parser.feed_data(data)
    assert not tail
    [(message, payload)] = messages
    assert payload.is_eof()
    return message, payload.read_nowait() if isinstance(payload, StreamReader) else b""


def in_a_common_method(data: bytes, head: RequestHead) -> bytes:
    return data if head.method in COMMON_METHODS else data.replace(head.method.encode(), b"GET", 1)


def widened(head: RequestHead) -> bool:
    """Tell whether aiohttp may refuse what was accepted."""
    if b"sec-websocket-key1" in head.block.headers or not head.target.isascii():
        return True
    try:
        parse_target(head.target)
    except MalformedError:
        return True
    return False


def disagreement(loop: asyncio.AbstractEventLoop, data: bytes, head: RequestHead, body: bytes) -> str:
    """Say how aiohttp reads one accepted request otherwise; empty where it does not."""
    data = in_a_common_method(data, head)
    try:
        message, old_body = old_reading(loop, data)
    except (HttpProcessingError, ValueError, AssertionError) as error:
        return "" if widened(head) else f"refused: {error!r}"
    read = (head.target, head.version, head.block.headers.raw, head.block.chunked, body)
    old = (message.path, tuple(message.version), message.raw_headers, message.chunked, old_body)
    if read != old:
        return f"{read} is read as {old}"
    if (head.keep_alive and message.should_close) or (head.upgrade and not message.upgrade):
        return "less is made of the connection"
    return ""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    own = asyncio.new_event_loop()
    yield own
    own.close()


@settings(max_examples=300, deadline=None)
@given(data=requests())
def test_what_is_accepted_aiohttp_reads_in_the_same_way(loop: asyncio.AbstractEventLoop, data: bytes) -> None:
    for own, head, body in accepted(data):
        assert disagreement(loop, own, head, body) == "", own


def with_method(line: bytes, method: bytes) -> bytes:
    return method + line[line.index(b" ") :]


@settings(max_examples=100, deadline=None)
@given(data=requests(), method=st.from_regex(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", fullmatch=True))
def test_a_method_changes_nothing_but_itself(data: bytes, method: bytes) -> None:
    for own, head, body in accepted(data):
        if head.upgrade:  # which is GET's alone
            continue
        line = re.sub(rb"\A(?:\r\n)+", b"", own)
        [(_, read, read_body)] = accepted(with_method(line, method))
        assert (read.method, read_body) == (method.decode("ascii"), body)
        assert (read.target, read.version, read.keep_alive) == (head.target, head.version, head.keep_alive)
        assert read.block.headers.raw == head.block.headers.raw


@settings(max_examples=100, deadline=None)
@given(data=requests())
def test_cuts_change_nothing(data: bytes) -> None:
    assert events(byte_by_byte(data)) == events([data])


@settings(max_examples=300, deadline=None)
@given(data=requests(), name=st.binary(max_size=4), value=st.binary(max_size=6))
def test_no_bytes_at_all_put_a_line_end_into_a_field(data: bytes, name: bytes, value: bytes) -> None:
    made_up = b"GET / HTTP/1.1\r\nHost: a\r\n" + name + b":" + value + b"\r\n\r\n"
    for own, head, _ in (*accepted(data), *accepted(made_up)):
        line, *lines = re.sub(rb"\A(?:\r\n)+", b"", own).partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert re.search(rb"[\x00-\x1f\x7f]", line) is None
        assert len(lines) == len(head.block.headers.raw)
        for raw, field in zip(lines, head.block.headers.raw, strict=True):
            assert re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", raw) is None
            field_name, _, field_value = raw.partition(b":")
            assert field == (field_name, field_value.strip(b" \t"))
            assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", field_name)
