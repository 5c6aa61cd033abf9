from __future__ import annotations

import asyncio

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import Timeouts
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.exchange import Exchange
from tests.support.builders.carriages import carriage, client_request
from tests.support.fakes.fake_transport import FakeClient, FakeTransport


class Conversation:
    """An exchange between a fake caller and a fake upstream."""

    def __init__(
        self, timeouts: Timeouts | None = None, *, version: tuple[int, int] = (1, 1), keep_alive: bool = True
    ) -> None:
        loop = asyncio.get_running_loop()
        self.client = FakeClient()
        self.request = client_request(version=version, keep_alive=keep_alive, connection=self.client)
        self.carriage = carriage(self.request, timeouts=timeouts, caller_headers=((b"C", b"c"),))
        self.connection = UpstreamConnection(loop, 1000)
        self.upstream = FakeTransport(self.connection)
        self.connection.connection_made(self.upstream)
        self.exchange = Exchange(self.carriage, self.connection, loop, lambda: 7.0)
        self.connection.begin(self.exchange, head_request=self.request.method == "HEAD", upgrading=False)

    def answer(self, data: bytes) -> None:
        self.connection.data_received(data)


async def test_an_answer_is_written_in_one_piece_before_the_loop_turns() -> None:
    talk = Conversation()
    talk.answer(b"HTTP/1.1 200 OK\r\nA: a\r\nContent-Length: 2\r\n\r\nok")
    assert talk.client.fake.written == b"HTTP/1.1 200 OK\r\nA: a\r\nC: c\r\nContent-Length: 2\r\n\r\nok"
    await talk.exchange.finished
    record = talk.carriage.record
    assert (talk.exchange.keep_alive, record.status, record.bytes_out) == (True, 200, 2)
    assert record.upstream_first_byte == 7.0
    talk.exchange.settle()


async def test_chunks_are_framed_anew() -> None:
    talk = Conversation()
    talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    talk.answer(b"1\r\nc\r\n0\r\n\r\n")
    assert talk.client.fake.written.partition(b"\r\n\r\n")[2] == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("keep_alive", "field"), [(True, b"Connection: keep-alive\r\n"), (False, b"Connection: close\r\n")]
)
async def test_a_caller_of_http_1_0_is_told_whether_the_connection_stays(keep_alive: bool, field: bytes) -> None:
    talk = Conversation(version=(1, 0), keep_alive=keep_alive)
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert field in talk.client.fake.written


async def test_a_slow_caller_holds_the_upstream_and_lets_it_go() -> None:
    talk = Conversation()
    talk.client.writing_paused = True
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    assert not talk.upstream.reading
    talk.client.writing_paused = False
    talk.exchange.client_resumed()
    assert talk.upstream.reading
    talk.exchange.abandon(ExchangeError(Fault.CLIENT_GONE))
    talk.exchange.settle()


async def test_a_kept_connection_is_not_left_held() -> None:
    talk = Conversation()
    talk.exchange.client_paused()
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert not talk.upstream.reading
    talk.exchange.settle()
    assert talk.upstream.reading
    assert talk.connection.reusable


async def test_a_fault_before_the_first_byte_leaves_room_for_another_answer() -> None:
    talk = Conversation()
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
    with pytest.raises(ExchangeError) as failed:
        await talk.exchange.finished
    assert failed.value.fault is Fault.BAD_RESPONSE
    assert (talk.exchange.begun, talk.client.fake.written, talk.carriage.record.status) == (False, b"", 0)


async def test_a_head_with_a_broken_body_behind_it_in_one_read_is_not_sent() -> None:
    talk = Conversation()
    talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense")
    with pytest.raises(ExchangeError):
        await talk.exchange.finished
    assert (talk.exchange.begun, talk.client.fake.written, talk.carriage.record.status) == (False, b"", 0)


@pytest.mark.parametrize(
    ("begin", "pause", "total", "fault"),
    [
        (False, False, 0.0, Fault.RESPONSE_TIMEOUT),
        (True, False, 0.0, Fault.IDLE_TIMEOUT),
        (True, True, 0.0, Fault.CLIENT_STALLED),
        (True, True, -1.0, Fault.TOTAL_TIMEOUT),
    ],
)
async def test_whoever_keeps_it_waiting_is_blamed(begin: bool, pause: bool, total: float, fault: Fault) -> None:
    talk = Conversation(timeouts=Timeouts(total=total))
    if begin:
        talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    if pause:
        talk.exchange.client_paused()
    talk.exchange.expired()
    with pytest.raises(ExchangeError) as failed:
        await talk.exchange.finished
    assert failed.value.fault is fault
    assert talk.upstream.aborted


async def test_an_abandoned_exchange_takes_its_connection_with_it() -> None:
    talk = Conversation()
    talk.exchange.settle()
    assert talk.upstream.aborted
