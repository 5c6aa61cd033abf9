from __future__ import annotations

import pytest

from gateway.front.body import CallerBody
from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead
from gateway.model.route import Timeouts
from gateway.upstream.balancer import HealthLimits, Loan, Upstream
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.exchange import Exchange
from gateway.upstream.pool import PoolLimits
from gateway.upstream.upstreams import Upstreams
from tests.support.builders.carriages import downstream_request, forward_context, request_body
from tests.support.builders.routes import no_tls
from tests.support.fakes.fake_transport import FakeClient, FakeTransport
from tests.support.fakes.manual_loop import ManualLoop
from tests.support.gateways.carrying import route_to

HEAD = b"GET / HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Conversation:
    """An exchange between a fake caller and a fake upstream, whose owner it is; `ends` are how it ended."""

    def __init__(
        self,
        timeouts: Timeouts | None = None,
        *,
        version: tuple[int, int] = (1, 1),
        keep_alive: bool = True,
        expects: bool = False,
        upgrade: bool = False,
        body: bool = False,
    ) -> None:
        self.loop = ManualLoop()
        self.loop_time = self.loop.time
        self.client = FakeClient()
        self.source: CallerBody = request_body(self.client)
        self.request = downstream_request(
            "POST" if body else "GET",
            version,
            keep_alive=keep_alive,
            expects=expects,
            upgrade=upgrade,
            body=self.source if body else None,
            connection=self.client,
        )
        self.context = forward_context(self.request, timeouts=timeouts, caller_headers=((b"C", b"c"),))
        self.connection = UpstreamConnection(self.loop.as_loop, 1000)
        self.upstream = FakeTransport(self.connection)
        self.connection.connection_made(self.upstream)
        self.exchange = Exchange(self.context, Loan(self.connection, _upstream()), self)
        self.ends: list[ExchangeError | None] = []
        self.switch: tuple[int, bytes] | None = None

    def now(self) -> float:
        return 7.0

    def ended(self, exchange: Exchange, error: ExchangeError | None) -> None:
        if exchange.context.body is not None:
            exchange.context.body.stop()
        self.ends.append(error)

    def switched(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        assert exchange is self.exchange
        self.switch = head.status, rest

    def begin(self) -> Conversation:
        self.exchange.send(HEAD)
        return self

    def answer(self, data: bytes) -> None:
        self.connection.data_received(data)

    @property
    def fault(self) -> Fault | None:
        (error,) = self.ends
        return None if error is None else error.fault


def _upstream() -> Upstream:
    route = route_to(1)
    upstreams = Upstreams([route], PoolLimits(), HealthLimits(), dns_ttl=1.0, tls=no_tls)
    return upstreams.of(route).choose()


async def test_an_answer_is_written_in_one_piece_before_the_loop_turns() -> None:
    talk = Conversation().begin()
    assert talk.upstream.written == HEAD
    assert talk.client.watcher is talk.exchange
    talk.answer(b"HTTP/1.1 200 OK\r\nA: a\r\nContent-Length: 2\r\n\r\nok")
    assert talk.client.fake.written == b"HTTP/1.1 200 OK\r\nA: a\r\nC: c\r\nContent-Length: 2\r\n\r\nok"
    record = talk.context.record
    assert (talk.fault, talk.exchange.keep_alive, record.status, record.bytes_out) == (None, True, 200, 2)
    assert record.upstream_first_byte == 7.0
    assert talk.client.watcher is None


async def test_chunks_are_framed_anew() -> None:
    talk = Conversation().begin()
    talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    talk.answer(b"1\r\nc\r\n0\r\n\r\n")
    assert talk.client.fake.written.partition(b"\r\n\r\n")[2] == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("keep_alive", "field"), [(True, b"Connection: keep-alive\r\n"), (False, b"Connection: close\r\n")]
)
async def test_a_caller_of_http_1_0_is_told_whether_the_connection_stays(keep_alive: bool, field: bytes) -> None:
    talk = Conversation(version=(1, 0), keep_alive=keep_alive).begin()
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert field in talk.client.fake.written
    assert talk.exchange.keep_alive == keep_alive


async def test_a_slow_caller_holds_the_upstream_and_lets_it_go() -> None:
    talk = Conversation().begin()
    talk.client.writing_paused = True
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    assert not talk.upstream.reading
    talk.client.writing_paused = False
    talk.exchange.client_resumed()
    assert talk.upstream.reading
    talk.exchange.abandon(ExchangeError(Fault.CLIENT_GONE))
    talk.exchange.client_resumed()
    talk.exchange.client_gone()
    assert talk.fault is Fault.CLIENT_GONE


async def test_a_kept_connection_is_not_left_held() -> None:
    talk = Conversation().begin()
    talk.exchange.client_paused()
    assert not talk.upstream.reading
    talk.answer(OK)
    assert talk.upstream.reading
    assert (talk.fault, talk.connection.reusable) == (None, True)


async def test_a_fault_before_the_first_byte_leaves_room_for_another_answer() -> None:
    talk = Conversation().begin()
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
    assert talk.fault is Fault.BAD_RESPONSE
    assert (talk.exchange.begun, talk.client.fake.written, talk.context.record.status) == (False, b"", 0)


async def test_a_head_with_a_broken_body_behind_it_in_one_read_is_not_sent() -> None:
    talk = Conversation().begin()
    talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense")
    assert talk.fault is Fault.BAD_RESPONSE
    assert (talk.exchange.begun, talk.client.fake.written, talk.context.record.status) == (False, b"", 0)


async def test_a_body_that_breaks_off_is_passed_on_as_far_as_it_came_and_never_ended() -> None:
    talk = Conversation().begin()
    talk.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    talk.connection.connection_lost(None)
    assert (talk.fault, talk.exchange.begun, talk.exchange.keep_alive) == (Fault.TRUNCATED, True, False)
    assert talk.client.fake.written.endswith(b"2\r\nab\r\n")


@pytest.mark.parametrize(
    ("begin", "pause", "total", "fault"),
    [
        (False, False, 0.0, Fault.RESPONSE_TIMEOUT),
        (True, False, 0.0, Fault.IDLE_TIMEOUT),
        (True, True, 0.0, Fault.CLIENT_STALLED),
        (True, True, 1.0, Fault.TOTAL_TIMEOUT),
    ],
)
async def test_whoever_keeps_it_waiting_is_blamed(begin: bool, pause: bool, total: float, fault: Fault) -> None:
    talk = Conversation(timeouts=Timeouts(response=5.0, idle=5.0))
    talk.context.ends_at = talk.loop.time() + total if total else 0.0
    talk.client.stall = 5.0
    talk.begin()
    if begin:
        talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    if pause:
        talk.exchange.client_paused()
    talk.loop.advance(5.1)
    assert talk.fault is fault
    assert talk.upstream.aborted


async def test_an_upstream_has_its_time_from_each_byte_on() -> None:
    talk = Conversation(timeouts=Timeouts(response=5.0, idle=2.0)).begin()
    talk.loop.advance(4.9)
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    for _ in range(3):
        talk.loop.advance(1.9)
        talk.answer(b"x")
    assert talk.ends == []
    talk.loop.advance(2.1)
    assert talk.fault is Fault.IDLE_TIMEOUT


async def test_the_upstream_is_not_late_while_the_caller_sends() -> None:
    talk = Conversation(timeouts=Timeouts(response=5.0, idle=2.0), body=True).begin()
    talk.loop.advance(1000.0)
    talk.source.body(b"abc")
    talk.loop.advance(1000.0)
    talk.source.body_end()
    talk.loop.advance(4.9)
    assert (talk.ends, talk.upstream.written) == ([], HEAD + b"abc")
    talk.loop.advance(0.2)
    assert talk.fault is Fault.RESPONSE_TIMEOUT


async def test_the_whole_time_ends_while_the_caller_sends_too() -> None:
    talk = Conversation(body=True)
    talk.context.ends_at = talk.loop.time() + 3.0
    talk.begin()
    talk.loop.advance(3.1)
    assert talk.fault is Fault.TOTAL_TIMEOUT


async def test_an_upstream_that_takes_no_bytes_is_late() -> None:
    talk = Conversation(timeouts=Timeouts(response=50.0, idle=2.0), body=True).begin()
    talk.connection.pause_writing()
    talk.source.body(b"abc")
    assert not talk.client.fake.reading
    talk.loop.advance(2.1)
    assert talk.ends
    assert talk.upstream.aborted
    assert talk.client.fake.reading


async def test_an_upstream_that_takes_some_of_them_is_let_be_and_the_limit_that_it_reaches_is_named() -> None:
    talk = Conversation(timeouts=Timeouts(response=50.0, idle=2.0), body=True).begin()
    talk.upstream.unsent = 90
    talk.connection.pause_writing()
    talk.source.body(b"abc")
    for left in (80, 79, 1):
        talk.upstream.unsent = left
        talk.loop.advance(2.1)
        assert talk.ends == []
    talk.loop.advance(2.1)
    assert talk.fault is Fault.IDLE_TIMEOUT


async def test_a_caller_that_takes_some_of_its_answer_is_let_be_whatever_the_upstreams_times_are() -> None:
    talk = Conversation(timeouts=Timeouts(idle=0.5)).begin()
    talk.client.stall, talk.client.unsent = 5.0, 900_000
    talk.client.writing_paused = True
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    for left in (800_000, 799_999):
        talk.client.unsent = left
        talk.loop.advance(5.1)
        assert talk.ends == []
    talk.loop.advance(5.1)
    assert talk.fault is Fault.CLIENT_STALLED


async def test_an_answer_may_come_before_the_body_and_then_the_callers_connection_ends() -> None:
    talk = Conversation(body=True).begin()
    talk.source.body(b"a")
    talk.answer(OK)
    assert b"Connection: close\r\n" in talk.client.fake.written
    assert (talk.fault, talk.exchange.keep_alive) == (None, False)
    talk.source.body(b"bc")
    talk.source.body_end()
    assert talk.upstream.written == HEAD + b"a"


@pytest.mark.parametrize(
    ("version", "early", "invited"), [((1, 1), b"", True), ((1, 0), b"", False), ((1, 1), b"a", False)]
)
async def test_a_waiting_caller_is_invited_once(version: tuple[int, int], early: bytes, invited: bool) -> None:
    talk = Conversation(version=version, expects=True, body=True)
    if early:
        talk.source.body(early)
    assert talk.client.fake.written == b""
    talk.begin()
    assert talk.client.fake.written == (b"HTTP/1.1 100 Continue\r\n\r\n" if invited else b"")


async def test_a_switch_is_its_owners_and_the_exchange_hears_no_more() -> None:
    talk = Conversation(upgrade=True).begin()
    talk.answer(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframe")
    assert talk.switch == (101, b"frame")
    talk.exchange.client_gone()
    talk.loop.advance(1000.0)
    assert (talk.ends, talk.client.watcher, talk.upstream.aborted) == ([], None, False)


async def test_an_abandoned_exchange_takes_its_connection_with_it_and_ends_once() -> None:
    talk = Conversation().begin()
    talk.exchange.abandon(ExchangeError(Fault.ENDED))
    talk.exchange.abandon(ExchangeError(Fault.CLIENT_GONE))
    assert talk.fault is Fault.ENDED
    assert talk.upstream.aborted
