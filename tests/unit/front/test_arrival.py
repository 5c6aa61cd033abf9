from __future__ import annotations

import asyncio

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.front.arrival import Arrival, FrontLimits
from gateway.front.unreadable import QueuedMessage, Refused
from gateway.http1.faults import ExchangeError, Fault
from gateway.resilience.deadline import Deadline

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


class Times(Deadline):
    """A deadline that tells for how many seconds it was set; None while it is not."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, lambda: None)
        self.seconds: float | None = None

    def set(self, at: float) -> None:
        self.seconds = at - 1000

    def clear(self) -> None:
        self.seconds = None


class StoppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still."""

    def time(self) -> float:
        return 1000.0


class Caller:
    """An arrival behind the parser that it bounds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: FrontLimits) -> None:
        self._parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16)
        self.times = Times(loop)
        self.messages: list[QueuedMessage] = []
        self.arrival = Arrival(loop, limits, self.times)

    def sends(self, data: bytes) -> bool:
        try:
            new, _, _ = self._parser.feed_data(data)
        except HttpProcessingError:
            new = [(None, EMPTY_PAYLOAD)]  # as aiohttp's protocol does
        self.messages += new
        return self.arrival.took(data, self.messages, len(new), parsed_all=True)

    @property
    def stands(self) -> tuple[float | None, int]:
        """The seconds it has left, and the bytes of the head that it is in."""
        return self.times.seconds, self.arrival.fed

    @property
    def paths(self) -> list[str | None]:
        return [message.path if isinstance(message, RawRequestMessage) else None for message, _ in self.messages]


@pytest.fixture
def caller() -> Caller:
    loop = StoppedLoop()
    loop.close()
    return Caller(loop, FrontLimits(head_bytes=100, head_timeout=3, body_stall=5))


def test_a_whole_request_needs_no_time(caller: Caller) -> None:
    assert caller.sends(GET)
    assert (caller.paths, caller.times.seconds, caller.arrival.fed) == (["/a"], None, 0)


def test_the_time_of_a_head_runs_from_its_first_byte(caller: Caller) -> None:
    assert caller.sends(GET[:5])
    assert caller.stands == (3, 5)
    caller.times.seconds = 1
    assert caller.sends(GET[5:9])
    assert caller.stands == (1, 9)
    assert caller.sends(GET[9:])
    assert caller.stands == (None, 0)


def test_the_time_of_a_body_runs_from_its_last_byte(caller: Caller) -> None:
    assert caller.sends(POST)
    assert caller.times.seconds == 5
    caller.times.seconds = 1
    assert caller.sends(b"abc")
    assert caller.times.seconds == 5
    assert caller.sends(b"def")
    assert caller.stands == (None, 0)


def test_a_head_that_grows_past_its_limit_is_told(caller: Caller) -> None:
    assert caller.sends(b"GET / HTTP/1.1\r\nX: " + b"x" * 80)
    assert not caller.sends(b"x" * 2)


def test_a_head_that_came_whole_but_too_long_is_refused_alone(caller: Caller) -> None:
    assert caller.sends(GET + b"GET /long HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % (b"x" * 100) + GET)
    assert caller.paths == ["/a", None, "/a"]
    assert isinstance(caller.messages[1][0], Refused)


def test_what_stands_behind_trailers_is_not_served(caller: Caller) -> None:
    assert caller.sends(GET + CHUNKED + b"0\r\nX-Api-Key: another's\r\n\r\n" + GET)
    assert caller.paths == ["/a", "/c"]


def test_a_body_that_stalls_fails_unless_we_hold_it(caller: Caller) -> None:
    caller.sends(POST + b"abc")
    caller.times.seconds = None
    assert caller.arrival.stalled(held=True)
    assert caller.times.seconds == 5
    body = caller.messages[0][1]
    assert body.exception() is None
    assert caller.arrival.stalled(held=False)
    fault = body.exception()
    assert isinstance(fault, ExchangeError)
    assert fault.fault is Fault.CLIENT_STALLED


def test_a_body_that_the_parser_gives_up_fails_at_once(caller: Caller) -> None:
    caller.sends(CHUNKED + b"3\r\nabc\r\n")
    body = caller.messages[0][1]
    caller.sends(b"no size\r\n")
    fault = body.exception()
    assert isinstance(fault, ExchangeError)
    assert fault.fault is Fault.BODY_BROKEN
    assert caller.paths == ["/c", None]


def test_no_body_stalls_where_there_is_none(caller: Caller) -> None:
    assert not caller.arrival.stalled(held=False)
    caller.sends(GET[:5])
    assert not caller.arrival.stalled(held=False)


def test_a_chunked_body_that_is_nearly_all_framing_fails(caller: Caller) -> None:
    caller.sends(CHUNKED + b"3;x\r\nabc\r\n")
    body = caller.messages[0][1]
    caller.sends(b"3;" + b"x" * 90)
    assert body.exception() is None
    caller.sends(b"x" * 90)
    fault = body.exception()
    assert isinstance(fault, ExchangeError)
    assert fault.fault is Fault.BODY_BROKEN


def test_what_stands_before_a_chunked_request_is_no_framing_of_it(caller: Caller) -> None:
    caller.sends(POST + b"abc")
    caller.sends(b"def" + GET * 9 + CHUNKED + b"1\r\nx\r\n")
    assert caller.messages[-1][1].exception() is None
