from __future__ import annotations

import gc

import pytest

from gateway.forwarding.faults import ExchangeError, Fault
from gateway.forwarding.response_reader import ResponseReader
from tests.support.fake_sink import FakeSink


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


def test_a_switch_keeps_what_came_behind_it() -> None:
    reader, _ = reading(upgrading=True)
    reader.feed(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst")
    assert reader.switched is not None
    assert (reader.switched.status, reader.rest) == (101, b"first")


def test_a_finished_reader_leaves_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 204 No\r\n\r\n"):
            reader, _ = reading()
            reader.feed(answer)
            assert reader.complete
            del reader
        assert gc.collect() == 0
    finally:
        gc.enable()
