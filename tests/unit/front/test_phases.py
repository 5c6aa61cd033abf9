from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.front.phases import LINGER_SECONDS, Phase, PhasedConnection
from gateway.front.serving import FrontLimits
from tests.support.fakes.fake_transport import FakeTransport
from tests.support.fakes.manual_loop import ManualLoop

STALL = FrontLimits().body_stall


class Connection(PhasedConnection):
    """Counts how often it was late with a head or a body."""

    def __init__(self, loop: ManualLoop) -> None:
        owner: Any = SimpleNamespace(limits=FrontLimits(least_rate=1), held=set())
        super().__init__(owner, loop.as_loop)
        self.late = 0
        self.transport = FakeTransport()
        self.connection_made(self.transport)

    def begin(self, phase: Phase, seconds: float) -> None:
        self._wait(phase, seconds)

    def take(self, phase: Phase) -> None:
        self._wait_for_taking(phase)

    def linger(self) -> None:
        self._linger()

    def _late(self) -> None:
        self.late += 1


@pytest.fixture
def loop() -> ManualLoop:
    return ManualLoop()


@pytest.fixture
def connection(loop: ManualLoop) -> Connection:
    return Connection(loop)


@pytest.mark.parametrize("phase", [Phase.HEAD, Phase.SERVING])
def test_who_reads_heads_and_bodies_decides_when_they_are_late(
    loop: ManualLoop, connection: Connection, phase: Phase
) -> None:
    connection.begin(phase, 3.0)
    loop.advance(2.9)
    assert connection.late == 0
    loop.advance(0.2)
    assert (connection.late, connection.transport.is_closing()) == (1, False)


def test_a_body_that_is_dropped_too_long_leads_to_lingering_and_that_to_the_end(
    loop: ManualLoop, connection: Connection
) -> None:
    connection.begin(Phase.DROPPING, LINGER_SECONDS)
    loop.advance(LINGER_SECONDS)
    assert (connection.transport.ended, connection.transport.is_closing()) == (True, False)
    loop.advance(LINGER_SECONDS)
    assert connection.transport.is_closing()


@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.CLOSING])
def test_a_caller_that_takes_some_of_its_bytes_is_let_be_and_one_that_takes_none_is_not(
    loop: ManualLoop, connection: Connection, phase: Phase
) -> None:
    connection.transport.unsent = 99
    connection.take(phase)
    for unsent in (60, 30):
        connection.transport.unsent = unsent
        loop.advance(STALL)
        assert not connection.transport.aborted
    loop.advance(STALL)
    assert connection.transport.aborted


@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.CLOSING])
def test_a_byte_now_and_then_keeps_nothing_for_hours(loop: ManualLoop, connection: Connection, phase: Phase) -> None:
    connection.transport.unsent = 1000
    connection.take(phase)
    connection.transport.unsent = 999
    loop.advance(STALL)
    assert connection.transport.aborted


def test_a_lingering_caller_is_read_and_told_that_no_more_comes(connection: Connection) -> None:
    connection.pause_reading()
    connection.linger()
    assert (connection.transport.reading, connection.transport.ended) == (True, True)
