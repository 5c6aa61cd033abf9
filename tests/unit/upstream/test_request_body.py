from __future__ import annotations

import asyncio

import pytest

from gateway.front.body import CallerBody
from gateway.http1.faults import ExchangeError, Fault
from gateway.telemetry.record import RequestRecord
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.request_body import RequestBody
from tests.support.builders.carriages import request_body
from tests.support.fakes.fake_transport import FakeClient, FakeTransport


class Owner:
    """An exchange that notes what its body tells it; it ends, as an exchange does, when it is abandoned."""

    def __init__(self, body: RequestBody) -> None:
        self.told: list[str] = []
        self._body = body

    def wait_for_caller(self) -> None:
        self.told.append("caller")

    def wait_for_upstream(self) -> None:
        self.told.append("upstream")

    def sent(self) -> None:
        self.told.append("sent")

    def abandon(self, error: ExchangeError) -> None:
        self.told.append(error.fault.value)
        self._body.stop()


class Upload:
    """A body on its way from a fake caller to a fake upstream."""

    def __init__(self, *, chunked: bool = False, length: int = 3, most: int = 0) -> None:
        self.client = FakeClient()
        self.source: CallerBody = request_body(self.client, chunked=chunked, length=length)
        self.record = RequestRecord("r", 0.0)
        self.body = RequestBody(self.source, most, self.record)
        self.owner = Owner(self.body)
        self.connection = UpstreamConnection(asyncio.get_running_loop(), 1000)
        self.upstream = FakeTransport(self.connection)
        self.connection.connection_made(self.upstream)

    def send(self) -> None:
        self.body.send(self.connection, self.owner)


FRAMINGS = pytest.mark.parametrize(
    ("chunked", "framing", "framed"),
    [(False, b"\r\n", b"abc"), (True, b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n")],
)


@FRAMINGS
async def test_a_body_that_has_come_is_sent_at_once(chunked: bool, framing: bytes, framed: bytes) -> None:
    upload = Upload(chunked=chunked)
    upload.source.body(b"a")
    upload.source.body(b"bc")
    upload.source.body_end()
    assert (upload.body.framing, upload.body.begun, upload.body.complete) == (framing, False, False)
    upload.send()
    assert upload.upstream.written == framed
    assert (upload.body.complete, upload.body.begun, upload.record.bytes_in) == (True, True, 3)
    assert upload.owner.told == ["caller", "sent"]


async def test_a_body_is_sent_piece_by_piece() -> None:
    upload = Upload(chunked=True)
    upload.send()
    assert (upload.body.awaited, upload.body.begun) == (True, False)
    upload.source.body(b"abc")
    assert upload.upstream.written == b"3\r\nabc\r\n"
    assert (upload.body.awaited, upload.body.begun, upload.body.complete) == (False, True, False)
    upload.source.body_end()
    assert upload.upstream.written == b"3\r\nabc\r\n0\r\n\r\n"
    assert upload.body.complete


async def test_an_empty_chunked_body_has_its_last_chunk_and_cannot_be_sent_twice() -> None:
    upload = Upload(chunked=True)
    upload.send()
    upload.source.body_end()
    assert (upload.upstream.written, upload.body.begun) == (b"0\r\n\r\n", True)


@pytest.mark.parametrize("fault", [Fault.CLIENT_STALLED, Fault.BODY_BROKEN, Fault.CLIENT_GONE])
@pytest.mark.parametrize("early", [True, False])
async def test_a_fault_of_the_caller_is_called_so(fault: Fault, early: bool) -> None:
    upload = Upload()
    upload.source.body(b"ab")
    if early:
        upload.source.fail(ExchangeError(fault))
    upload.send()
    upload.source.fail(ExchangeError(fault))
    assert upload.owner.told == ["caller", fault.value]
    assert not upload.body.complete


async def test_a_limit_holds_for_what_is_announced_and_for_what_comes() -> None:
    with pytest.raises(ExchangeError) as announced:
        Upload(length=4, most=3)
    assert announced.value.fault is Fault.BODY_TOO_LARGE
    upload = Upload(chunked=True, most=3)
    upload.send()
    upload.source.body(b"abc")
    upload.source.body(b"d")
    upload.source.body(b"e")
    assert upload.owner.told == ["caller", "request body too large"]
    assert upload.upstream.written == b"3\r\nabc\r\n"


async def test_one_that_was_too_long_before_it_was_sent_is_not_sent_at_all() -> None:
    upload = Upload(chunked=True, most=3)
    upload.source.body(b"abcd")
    upload.source.body_end()
    upload.send()
    assert (upload.upstream.written, upload.body.complete) == (b"", False)
    assert upload.owner.told == ["caller", "request body too large"]


async def test_the_caller_is_held_while_the_upstream_takes_nothing() -> None:
    upload = Upload(length=9)
    upload.send()
    upload.connection.pause_writing()
    upload.source.body(b"abc")
    assert not upload.client.fake.reading
    assert upload.owner.told == ["caller", "upstream"]
    upload.connection.resume_writing()
    assert upload.client.fake.reading
    assert upload.owner.told == ["caller", "upstream", "caller"]


async def test_an_upstream_that_takes_the_last_bytes_has_its_time_left() -> None:
    upload = Upload()
    upload.send()
    upload.connection.pause_writing()
    upload.source.body(b"abc")
    upload.source.body_end()
    upload.connection.resume_writing()
    assert upload.owner.told == ["caller", "upstream", "sent"]


async def test_what_comes_after_the_exchange_is_dropped_and_the_caller_not_left_held() -> None:
    upload = Upload(length=9)
    upload.send()
    upload.connection.pause_writing()
    upload.source.body(b"abc")
    upload.body.stop()
    upload.body.stop()
    assert upload.client.fake.reading
    upload.source.body(b"def")
    upload.connection.resume_writing()
    assert (upload.upstream.written, upload.owner.told) == (b"abc", ["caller", "upstream"])
