from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.http1.faults import Fault
from gateway.upstream.exchange_deadline import ExchangeDeadline
from tests.support.fakes.manual_loop import ManualLoop


class Waiting:
    """A deadline, and the verdicts when it was reached."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.verdicts: list[Fault | None] = []
        self.deadline = ExchangeDeadline(self.loop.as_loop, lambda: self.verdicts.append(self.deadline.verdict()))


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def taking(*left: int) -> Callable[[], int]:
    """Return how many bytes are left each time that it is asked; the last number stays."""
    numbers = list(left)
    return lambda: numbers.pop(0) if len(numbers) > 1 else numbers[0]


def test_the_limit_that_was_reached_is_named(waiting: Waiting) -> None:
    waiting.deadline.wait(5.0, Fault.RESPONSE_TIMEOUT)
    waiting.loop.advance(4.9)
    waiting.deadline.wait(2.0, Fault.IDLE_TIMEOUT)
    waiting.loop.advance(1.9)
    assert waiting.verdicts == []
    waiting.loop.advance(0.2)
    assert waiting.verdicts == [Fault.IDLE_TIMEOUT]


def test_the_whole_time_is_a_limit_of_its_own(waiting: Waiting) -> None:
    waiting.deadline.ends_at = waiting.loop.time() + 3.0
    waiting.deadline.wait(5.0, Fault.RESPONSE_TIMEOUT)
    waiting.loop.advance(3.1)
    waiting.deadline.wait_for_ever()
    waiting.loop.advance(0.1)
    assert waiting.verdicts == [Fault.TOTAL_TIMEOUT, Fault.TOTAL_TIMEOUT]


def test_without_one_what_has_a_limit_of_its_own_is_waited_for(waiting: Waiting) -> None:
    waiting.deadline.wait(5.0, Fault.RESPONSE_TIMEOUT)
    waiting.deadline.wait_for_ever()
    waiting.loop.advance(1000.0)
    assert waiting.verdicts == []


def test_slow_is_not_stalled(waiting: Waiting) -> None:
    waiting.deadline.wait_for_taking(5.0, Fault.CLIENT_STALLED, taking(90, 80, 80, 79, 79, 79))
    waiting.loop.advance(5.1)
    assert waiting.verdicts == [None]
    waiting.loop.advance(5.1)
    assert waiting.verdicts == [None, None]
    waiting.loop.advance(5.1)
    assert waiting.verdicts == [None, None, Fault.CLIENT_STALLED]


def test_who_has_taken_all_has_its_time_from_then(waiting: Waiting) -> None:
    waiting.deadline.wait_for_taking(5.0, Fault.RESPONSE_TIMEOUT, taking(90, 0))
    waiting.loop.advance(5.1)
    waiting.loop.advance(5.1)
    assert waiting.verdicts == [None, Fault.RESPONSE_TIMEOUT]
