from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.upstream import connection as connections
from gateway.upstream.connection import UpstreamConnection
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.fake_sink import FakeSink
from tests.support.fakes.fake_transport import FakeTransport


def open_connection(*, head_request: bool = False, upgrading: bool = False) -> tuple[UpstreamConnection, FakeSink]:
    connection, sink = UpstreamConnection(asyncio.get_event_loop(), 1000), FakeSink()
    connection.connection_made(FakeTransport(connection))
    connection.begin(sink, head_request=head_request, upgrading=upgrading)
    return connection, sink


@pytest.mark.parametrize(
    ("answer", "body", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 evil", b"hello", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: t\r\n\r\n", b"hello", True),
        (b"HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", b"", True),
    ],
)  # fmt: skip
async def test_an_answer_is_read_the_same_however_it_is_cut(answer: bytes, body: bytes, reusable: bool) -> None:
    for size in (1, 3, 7, len(answer)):
        connection, sink = open_connection()
        for start in range(0, len(answer), size):
            if not sink.outcome:
                connection.data_received(answer[start : start + size])
        assert (sink.outcome, sink.received, len(sink.heads)) == ("complete", body, 1)
        if size == len(answer):
            assert connection.reusable == reusable


async def test_each_read_is_flushed_once() -> None:
    connection, sink = open_connection()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    connection.data_received(b"llo")
    assert sink.flushes == 2


@pytest.mark.parametrize(("length", "reusable"), [(b"0", True), (b"5", False)])
async def test_a_head_answer_ends_with_its_head(length: bytes, reusable: bool) -> None:
    connection, sink = open_connection(head_request=True)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % length)
    # An upstream may send the announced body late, when the connection would carry another caller's request.
    assert (sink.outcome, connection.reusable) == ("complete", reusable)


async def test_a_body_in_answer_to_head_spoils_the_connection() -> None:
    connection, sink = open_connection(head_request=True)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert (sink.outcome, sink.received, connection.reusable) == ("complete", b"", False)


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    connection, sink = open_connection()
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nhel")
    connection.data_received(b"lo")
    connection.eof_received()
    assert (sink.outcome, sink.received, connection.reusable) == ("complete", b"hello", False)


@pytest.mark.parametrize(
    ("received", "outcome"),
    [
        (b"", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "truncated"),
    ],
)
async def test_a_lost_connection_fails_the_exchange(received: bytes, outcome: str) -> None:
    connection, sink = open_connection()
    if received:
        connection.data_received(received)
    connection.eof_received()
    connection.connection_lost(None)
    assert sink.outcome == outcome
    assert connection.heard == bool(received)


async def test_a_switch_hands_over_what_came_behind_it() -> None:
    connection, sink = open_connection(upgrading=True)
    connection.data_received(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframe")
    assert (sink.outcome, sink.rest) == ("switched 101", b"frame")


@pytest.mark.parametrize("fields", [b"", b"Connection: upgrade\r\nUpgrade: other\r\n"])
async def test_a_switch_to_something_else_is_a_bad_response(fields: bytes) -> None:
    connection, sink = open_connection(upgrading=True)
    connection.data_received(b"HTTP/1.1 101 S\r\n" + fields + b"\r\n")
    assert sink.outcome == "bad response"


@pytest.mark.parametrize("status", [b"099 Odd", b"000 Odd", b"103 Early Hints", b"100 Continue"])
async def test_an_interim_answer_with_a_body_is_a_bad_response(status: bytes) -> None:
    connection, sink = open_connection()
    connection.data_received(b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\nevil")
    assert (sink.heads, sink.received, sink.outcome) == ([], b"", "bad response")


async def test_a_long_head_is_a_bad_response() -> None:
    connection, sink = open_connection()
    for _ in range(20):
        if not sink.outcome:
            connection.data_received(b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 50 + b"\r\n\r\n")
    assert sink.outcome == "bad response"


async def test_bytes_that_nobody_asked_for_close_the_connection() -> None:
    connection, sink = open_connection()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (sink.outcome, connection.reusable) == ("complete", True)
    connection.data_received(b"HTTP/1.1 200 evil")
    assert connection.transport is None
    assert not connection.reusable


async def test_a_writer_is_told_when_a_slow_upstream_takes_bytes_again() -> None:
    connection, _ = open_connection()
    told = list[bool]()
    connection.on_writable = lambda: told.append(connection.writing_paused)
    connection.pause_writing()
    assert (connection.writing_paused, told) == (True, [])
    connection.resume_writing()
    assert told == [False]


async def test_nothing_is_written_into_the_void() -> None:
    connection, sink = open_connection()
    transport = connection.transport
    connection.connection_lost(None)
    connection.write(b"into the void")
    connection.writelines([b"into", b"the void"])
    assert isinstance(transport, FakeTransport)
    assert (transport.written, sink.outcome) == (b"", "connection lost")


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 S\r\n", b"HTTP/1.1 100 C\r\n", b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n", b"Upgrade: websocket\r\n", b"Connection: upgrade\r\n", b"\r\n",
                    b"3\r\nabc\r\n", b"0\r\n", b"abc", b"X: y\r\n", b"\x00",
                ]
            ),
            max_size=12,
        ).map(b"".join),
    ),
    size=st.integers(1, 50),
    upgrading=st.booleans(),
)  # fmt: skip
def test_no_bytes_of_an_upstream_raise_or_end_an_exchange_twice(data: bytes, size: int, upgrading: bool) -> None:
    async def feed() -> None:
        connection, sink = open_connection(upgrading=upgrading)
        for start in range(0, len(data), size):
            if connection.transport is None or sink.outcome.startswith("switched"):
                break
            connection.data_received(data[start : start + size])
        if connection.transport is not None:
            connection.eof_received()
            connection.connection_lost(None)
        assert sink.outcome
        connection.deadline.close()

    asyncio.run(feed())


async def test_an_upstream_that_reads_nothing_is_not_waited_for_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LAST_BYTES_SECONDS", 0.01)
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[UpstreamConnection] = loop.create_future()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _, connection = await loop.create_connection(lambda: UpstreamConnection(loop, 1000), *listening.getsockname())
        connection.closed = gone.set_result
        connection.write(bytes(2**25))  # more than two kernels take
        connection.close()
        async with asyncio.timeout(PATIENCE):
            assert await gone is connection
