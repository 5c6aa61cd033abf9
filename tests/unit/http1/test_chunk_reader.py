from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.chunk_reader import ChunkReader
from gateway.model.errors import MalformedError
from tests.support.garbage import no_garbage


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


LIKE_FRAMING = st.text("\r\n0;a", max_size=12).map(str.encode)


@given(
    chunks=st.lists(LIKE_FRAMING.filter(bool), max_size=5),
    extension=st.sampled_from([b"", b";a", b";a=0", b';a="0 0"']),
    trailers=st.sampled_from([b"", b"A: 0\r\n", b"A:\r\nB: 0\r\n"]),
    rest=LIKE_FRAMING,
    cuts=st.lists(st.integers(0, 120), max_size=4),
)
def test_a_body_that_looks_like_framing_is_none(
    chunks: list[bytes], extension: bytes, trailers: bytes, rest: bytes, cuts: list[int]
) -> None:
    framed = b"".join(b"%X%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    data = framed + b"0" + extension + b"\r\n" + trailers + b"\r\n" + rest
    reader = ChunkReader(1000)
    body, places = b"", sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    for start, stop in pairwise(places):
        piece, taken = reader.feed(data[start:stop])
        body += piece
        if taken is not None:
            assert (body, data[start + taken :]) == (b"".join(chunks), rest)
            return
    raise AssertionError("no end")


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


@pytest.mark.slow
def test_nothing_is_left_to_the_garbage_collector() -> None:
    with no_garbage():
        read(b"3\r\nabc\r\n0\r\n\r\n", 100)
        ChunkReader(100).feed(b"3\r\na")
