from __future__ import annotations

from gateway.resilience.breaker import Breaker, BreakerState
from tests.support.fakes.sessions import Clock


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock, failures=2, first_pause=1.0, longest_pause=4.0)
    breaker.failed()
    breaker.failed()
    return breaker


def test_it_opens_at_the_failures_in_a_row_and_says_so_once() -> None:
    breaker = Breaker(Clock(), failures=3)
    assert [breaker.failed(), breaker.failed()] == [False, False]
    breaker.succeeded()
    assert [breaker.failed(), breaker.failed(), breaker.failed(), breaker.failed()] == [False, False, True, False]
    assert not breaker.allow()
    assert breaker.retry_after == 1.0


def test_after_the_pause_one_probe_goes_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.advance(1)
    assert [breaker.allow(), breaker.allow()] == [True, False]
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.succeeded()
    assert breaker.allow()
    assert not breaker.succeeded()


def test_each_failed_probe_doubles_the_pause_up_to_the_longest() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(4):
        pauses.append(breaker.retry_after)
        clock.advance(breaker.retry_after)
        assert breaker.allow()
        assert not breaker.failed()
    assert pauses == [1.0, 2.0, 4.0, 4.0]


def test_a_probe_that_never_reports_does_not_keep_it_open_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.advance(1)
    assert breaker.allow()
    clock.advance(1)
    assert breaker.allow()


def test_late_failures_of_before_do_not_prolong_the_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.advance(0.5)
    breaker.failed()
    assert breaker.retry_after == 0.5


def test_what_says_nothing_leaves_a_closed_breaker_closed_and_an_open_one_open() -> None:
    clock = Clock()
    breaker = Breaker(clock, failures=2)
    breaker.failed()
    breaker.abstained()
    assert breaker.failed()  # it was no success in between
    breaker.abstained()
    assert not breaker.allow()


def test_a_probe_that_says_nothing_gives_the_next_caller_its_turn() -> None:
    clock = Clock()
    breaker = Breaker(clock, failures=1)
    breaker.failed()
    clock.advance(1)
    assert breaker.allow()
    assert not breaker.allow()
    breaker.abstained()
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.allow()
    assert breaker.succeeded()
