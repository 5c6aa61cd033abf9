from __future__ import annotations

import gc

import pytest

from gateway.http1.chunk_reader import ChunkReader
from gateway.model.errors import MalformedError


def read(data: bytes, size: int, framing_bytes: int = 1000) -> tuple[bytes, bytes]:
    """Return the body, and what stands behind it."""
    reader = ChunkReader(framing_bytes)
    body = b""
    for place in range(0, len(data), size):
        piece, taken = reader.feed(data[place : place + size])
        body += piece
        if taken is not None:
            return body, data[place + taken :]
    raise EOFError


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1000])
@pytest.mark.parametrize("rest", [b"", b"\r\n", b"\n\n\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01", b"0\r\n\r\n"])
@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"000\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3;e=1\r\nabc\r\n2\r\nde\r\n0;f\r\n\r\n", b"abcde"),
        (b"3\r\nabc\r\n0\r\nX-T: evil\r\nContent: x\r\n\r\n", b"abc"),
        (b"8\r\n\r\n\r\n\r\n\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n" * 6),
        (b"10\r\n\r\n0\r\n\r\n012345678\r\n0\r\n\r\n", b"\r\n0\r\n\r\n012345678"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
    ],
)
def test_a_body_ends_exactly_where_its_last_empty_line_does(chunks: bytes, body: bytes, rest: bytes, size: int) -> None:
    assert read(chunks + rest, size) == (body, rest)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "chunks",
    [
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3\t\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX y\r\n\r\n",
        b"3\r\nabc\r\n0\r\n X: y\r\n\r\n",
        b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
        b"3\r\nabc\r\n0\r\nHost: evil.test\r\nX: y\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: y\r\nConnection: close\r\n\r\n",
        b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000000000000000\r\nabc\r\n0\r\n\r\n",
        b"3;x\nabc\r\n0\r\n\r\n",
        b'3;x="y\r\n"\r\nabc\r\n0\r\n\r\n',
    ],
)
def test_a_chunk_has_one_reading(chunks: bytes, size: int) -> None:
    with pytest.raises(MalformedError):
        read(chunks, size)


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize(
    "chunks",
    [
        b"2\r\nok\r\n0;" + b"e" * 2000 + b"\r\n\r\n",
        b"2\r\nok\r\n0\r\n" + b"X: y\r\n" * 400 + b"\r\n",
        b"2;" + b"e" * 100_000,
    ],
)
def test_more_framing_than_body_is_refused(chunks: bytes, size: int) -> None:
    with pytest.raises(MalformedError, match="framing"):
        read(chunks, size)


def test_nothing_is_left_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        read(b"3\r\nabc\r\n0\r\n\r\n", 100)
        ChunkReader(100).feed(b"3\r\na")
        assert gc.collect() == 0
    finally:
        gc.enable()
