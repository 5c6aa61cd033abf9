from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.resilience.deadline import Deadline
from gateway.telemetry.record import RequestRecord
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.tunnel import GOING_AWAY, POLICY_VIOLATION, Tunnel
from tests.support.fakes.fake_transport import FakeClient, FakeTransport
from tests.support.fakes.manual_loop import ManualLoop


class Dug:
    """A tunnel that stands, between a fake caller and a fake upstream."""

    def __init__(self, *, slow: bool = False) -> None:
        self.client = FakeClient()
        self.client.writing_paused = slow
        self.client.early = b"early"
        self.connection = UpstreamConnection(asyncio.get_running_loop(), 1000)
        self.upstream = FakeTransport(self.connection)
        self.connection.connection_made(self.upstream)
        self.record = RequestRecord("r", 0.0)
        self.overs = 0
        self.tunnel = Tunnel(self.client, self.connection, 60.0, self.record)
        self.tunnel.open(b"HEAD", b"\x81\x01r", self._over)

    def _over(self) -> None:
        self.overs += 1


@pytest.fixture
async def dug() -> AsyncIterator[Dug]:
    found = Dug()
    yield found
    found.tunnel.ended()
    found.tunnel.ended()
    assert found.overs == 1
    assert found.upstream.is_closing()


async def test_it_begins_with_the_head_and_what_came_early(dug: Dug) -> None:
    assert dug.client.fake.written == b"HEAD\x81\x01r"
    assert dug.upstream.written == b"early"


async def test_bytes_go_both_ways_and_are_counted(dug: Dug) -> None:
    dug.connection.data_received(b"\x81\x02up")
    dug.tunnel.from_client(b"down")
    assert dug.client.fake.written.endswith(b"\x81\x02up")
    assert dug.upstream.written == b"earlydown"
    assert (dug.record.bytes_in, dug.record.bytes_out) == (9, 7)


class Moving(Dug):
    """A tunnel on a clock that the test moves."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        super().__init__()
        self.tunnel._clock = self.loop.time
        self.tunnel._deadline.close()
        self.tunnel._deadline = Deadline(self.loop.as_loop, self.tunnel._expired)
        self.tunnel.from_client(b"x")


async def test_a_caller_that_takes_some_is_let_be_and_one_that_takes_none_has_its_own_time() -> None:
    dug = Moving()
    dug.client.unsent = 90
    dug.tunnel.hold_upstream(hold=True)
    for left in (80, 79):
        dug.client.unsent = left
        dug.loop.advance(dug.client.stall + 0.1)
        dug.tunnel.from_client(b"it sends, and takes nothing")
        assert dug.record.fault == ""
    dug.loop.advance(dug.client.stall + 0.1)
    assert dug.record.fault == "client stalled"
    dug.tunnel.ended()


async def test_bytes_that_are_still_taken_are_no_idleness() -> None:
    dug = Moving()
    dug.client.unsent = 90
    dug.loop.advance(60.1)
    dug.client.unsent = 80
    dug.loop.advance(60.1)
    assert dug.record.fault == ""
    dug.loop.advance(60.1)
    assert dug.record.fault == "idle timeout"
    dug.tunnel.ended()


async def test_who_is_held_and_let_go_has_its_time_anew() -> None:
    dug = Moving()
    dug.tunnel.hold_upstream(hold=True)
    dug.tunnel.hold_upstream(hold=False)
    dug.loop.advance(59.9)
    assert dug.record.fault == ""
    dug.loop.advance(0.2)
    assert dug.record.fault == "idle timeout"
    dug.tunnel.ended()


async def test_either_end_is_held_while_the_other_is_slow(dug: Dug) -> None:
    dug.connection.pause_writing()
    assert not dug.client.fake.reading
    dug.connection.resume_writing()
    assert dug.client.fake.reading
    dug.client.raw_peer.paused()  # type: ignore[attr-defined]
    assert not dug.upstream.reading
    dug.client.raw_peer.resumed()  # type: ignore[attr-defined]
    assert dug.upstream.reading


async def test_a_caller_that_is_slow_from_the_first_byte_holds_the_upstream() -> None:
    dug = Dug(slow=True)
    assert not dug.upstream.reading
    dug.client.raw_peer.resumed()  # type: ignore[attr-defined]
    assert dug.upstream.reading
    dug.tunnel.ended()


async def test_a_close_frame_is_put_in_at_a_boundary_and_nothing_after_it(dug: Dug) -> None:
    dug.connection.data_received(b"\x82\x04ab")
    dug.tunnel.end(POLICY_VIOLATION)
    dug.tunnel.from_client(b"dropped")
    dug.connection.data_received(b"cd\x81\x01x")
    dug.connection.data_received(b"\x81\x01y")
    assert dug.client.fake.written.endswith(b"\x82\x04abcd\x88\x02\x03\xf0")
    assert dug.client.fake.ended
    assert dug.upstream.written == b"early"


async def test_it_is_ended_once(dug: Dug) -> None:
    dug.tunnel.end(GOING_AWAY)
    dug.tunnel.end(POLICY_VIOLATION)
    assert dug.client.fake.written.endswith(b"r\x88\x02\x03\xe9")


async def test_it_is_over_when_the_upstream_has_gone(dug: Dug) -> None:
    dug.upstream.abort()
    assert dug.overs == 1


async def test_it_is_over_when_the_caller_has_gone(dug: Dug) -> None:
    dug.client.raw_peer.ended()  # type: ignore[attr-defined]
    assert dug.overs == 1
    assert dug.upstream.is_closing()


async def test_an_upstream_that_leaves_while_goodbye_is_said_is_no_news(dug: Dug) -> None:
    dug.tunnel.end(GOING_AWAY)
    dug.upstream.abort()
    assert dug.overs == 0
