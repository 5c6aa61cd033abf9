from __future__ import annotations

from gateway.model.route import LimitBy, RateLimit
from gateway.policy.limits import BucketState, LocalLimits, Taken
from gateway.policy.shared_limits import SharedLimits

LIMIT = RateLimit(LimitBy.SESSION, rate=1.0, burst=3)
ALONE = RateLimit(LimitBy.SESSION, rate=1.0, burst=3, shared=False)


class Fleet:
    """What the other replicas know of a bucket; answers what it is told to, and remembers what it was asked."""

    def __init__(self, answer: tuple[float, float] | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, float, float]] = []

    async def take(self, name: str, interval: float, capacity: float) -> tuple[float, float] | None:
        self.asked.append((name, interval, capacity))
        return self.answer


def limits_of(fleet: Fleet) -> tuple[SharedLimits, LocalLimits]:
    local = LocalLimits(lambda: 1000.0)
    return SharedLimits(local, fleet.take), local


async def test_the_fleet_says_how_the_bucket_stands() -> None:
    fleet = Fleet((0.0, 2.5))
    limits, _ = limits_of(fleet)
    assert await limits.take("a", LIMIT) == Taken(None, BucketState(3, 0, 2.5))
    assert fleet.asked == [("a", 1.0, 3.0)]


async def test_what_the_fleet_refuses_costs_no_token_here() -> None:
    fleet = Fleet((0.4, 3.0))
    limits, local = limits_of(fleet)
    for _ in range(10):
        assert await limits.take("a", LIMIT) == Taken(1, BucketState(3, 0, 3.0))
    assert local.standing("a", LIMIT).remaining == 3


async def test_whoever_floods_one_process_is_refused_there_without_a_question() -> None:
    fleet = Fleet((0.0, 0.1))
    limits, _ = limits_of(fleet)
    taken = [(await limits.take("a", LIMIT)).wait for _ in range(100)]
    assert taken == [None] * 3 + [1] * 97
    assert len(fleet.asked) == 3


async def test_when_the_fleet_cannot_be_asked_each_keeps_the_limit_by_itself() -> None:
    limits, _ = limits_of(Fleet(None))
    taken = [await limits.take("a", LIMIT) for _ in range(4)]
    assert [each.wait for each in taken] == [None, None, None, 1]
    assert [each.standing.remaining for each in taken] == [2, 1, 0, 0]


async def test_a_limit_that_is_not_shared_asks_nobody() -> None:
    fleet = Fleet((5.0, 5.0))
    limits, _ = limits_of(fleet)
    assert [(await limits.take("a", ALONE)).wait for _ in range(4)] == [None, None, None, 1]
    assert fleet.asked == []
