from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_chunks import ResponseChunks

BLANKS = st.sampled_from([b"", b" ", b"\t", b"   ", b" \t "])
EXTENSIONS = st.sampled_from([b"", b";", b";a", b"; a = b", b';a="b c"', b";\xff"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A chunked body, its sizes padded at both ends, and the data in it."""
    raw, data = b"", b""
    for piece in (*draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)), b""):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(piece)
        raw += draw(BLANKS) + size + draw(BLANKS) + draw(EXTENSIONS) + b"\r\n"
        raw += piece + b"\r\n" if piece else draw(st.sampled_from([b"", b"X-T: y\r\n"])) + b"\r\n"
        data += piece
    return raw, data


@given(bodies(), st.integers(1, 7), st.binary(max_size=3))
def test_a_padded_body_is_its_data_however_it_is_cut(body: tuple[bytes, bytes], size: int, behind: bytes) -> None:
    raw, data = body
    reader, read, taken = ResponseChunks(1000), b"", 0
    sent = raw + behind
    for place in range(0, len(sent), size):
        if not reader.complete:
            pieces, end = reader.feed(sent[place : place + size])
            read, taken = read + b"".join(pieces), taken + end
    assert (reader.complete, read, taken) == (True, data, len(raw))


def feed_by(reader: ResponseChunks, raw: bytes, size: int) -> None:
    for place in range(0, len(raw), size):
        reader.feed(raw[place : place + size])


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"5\nhello\r\n",
            b"5\r\nhello\n",
            b"5 5\r\n",
            b"0x5\r\n",
            b"+5\r\n",
            b"-5\r\n",
            b"5_0\r\n",
            b"\r\n",
            b" \r\n",
        ),
        *(
            b"5\r\r\n",
            b"5\x0b\r\n",
            b"5\xa0\r\n",
            b"5;\x00\r\n",
            b"5;a\rb\r\n",
            b"5,\r\n",
            b"x\r\n",
            b"1" * 17 + b"\r\n",
        ),
        *(b"5\r\nhello\r\n\r\n", b"5\r\nhello \r\n", b"5\r\nhello!\r\n", b"5\r\n hello\r\n", b"0\r\nno field\r\n"),
        *(b"0\r\n\n", b"0\r\nX: a\x00\r\n", b"0\r\n X: a\r\n", b"0\r\nX : a\r\n", b"0\r\nX: a\rY: b\r\n"),
    ],
)
def test_what_is_no_framing_is_a_bad_response(raw: bytes) -> None:
    for size in (1, 3, len(raw)):
        reader = ResponseChunks(1000)
        with pytest.raises(ExchangeError) as failed:
            feed_by(reader, raw, size)
        assert failed.value.fault is Fault.BAD_RESPONSE
        assert not reader.complete


@pytest.mark.parametrize(
    "raw", [b"nonsense", b"5x", b"5 5", b"1" * 17, b"5\r ", b"5\r\nhellox", b"0\r\nX ", b"0\r\n\r\r"]
)
def test_nonsense_is_told_before_its_line_ends(raw: bytes) -> None:
    for size in (1, len(raw)):
        with pytest.raises(ExchangeError):
            feed_by(ResponseChunks(1000), raw, size)


def test_framing_is_bounded_and_data_excuses_some_of_it() -> None:
    for raw in (b" " * 101, b"1;" + b"x" * 99, b"0\r\n" + b"X: y\r\n" * 20):
        for size in (1, len(raw)):
            reader = ResponseChunks(100)
            with pytest.raises(ExchangeError):
                feed_by(reader, raw, size)
    reader = ResponseChunks(100)
    assert reader.feed(b"1   \r\nx\r\n" * 1000) == ([b"x"] * 1000, 9000)
