from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.route import LimitBy, RateLimit
from gateway.model.session import ApiKey, Session
from gateway.policy.limits import BucketState, LocalLimits, RateLimiter, SharedLimits, Taken


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def limit(rate: float, burst: int) -> RateLimit:
    return RateLimit(LimitBy.ADDRESS, rate, burst)


def passed(limits: LocalLimits, key: str, of: RateLimit, requests: int) -> int:
    return sum(limits.take_now(key, of).wait is None for _ in range(requests))


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    assert passed(limits, "a", limit(2, 5), 20) == 5
    clock.now += 0.5
    assert passed(limits, "a", limit(2, 5), 20) == 1
    clock.now += 60
    assert passed(limits, "a", limit(2, 5), 20) == 5


def test_the_wait_is_whole_seconds_and_enough() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    slow = limit(1 / 60, 1)
    assert limits.take_now("a", slow).wait is None
    clock.now += 10.5
    wait = limits.take_now("a", slow).wait
    assert wait == 50
    clock.now += wait
    assert limits.take_now("a", slow).wait is None


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    assert passed(limits, "a", limit(1, 1), 1000) == 1
    clock.now += 1
    assert limits.take_now("a", limit(1, 1)).wait is None


def test_one_callers_bucket_is_not_anothers() -> None:
    limits = LocalLimits(Clock())
    assert passed(limits, "a", limit(1, 3), 9) == 3
    assert passed(limits, "b", limit(1, 3), 9) == 3


def test_the_standing_counts_down_and_fills_again() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    assert limits.state("a", limit(2, 4)) == BucketState(4, 4, 0.0)
    assert passed(limits, "a", limit(2, 4), 3) == 3
    assert limits.state("a", limit(2, 4)) == BucketState(4, 1, 1.5)
    clock.now += 0.5
    assert limits.state("a", limit(2, 4)) == BucketState(4, 2, 1.0)


def test_buckets_are_bounded_and_the_idle_one_makes_room() -> None:
    limits = LocalLimits(Clock(), buckets=100)
    for number in range(10_000):
        limits.take_now(f"garbage-{number}", limit(1, 1))
        limits.take_now("busy", limit(1, 1000))
    assert len(limits._full_at) == 100
    assert limits.state("busy", limit(1, 1000)).remaining == 0


def test_the_newest_bucket_is_kept_and_the_oldest_forgotten() -> None:
    limits = LocalLimits(Clock(), buckets=2)
    for key in ("oldest", "middle", "newest"):
        limits.take_now(key, limit(1, 1))
    assert [limits.state(key, limit(1, 1)).remaining for key in ("oldest", "middle", "newest")] == [1, 0, 0]


def test_a_clock_that_was_set_back_locks_nobody_out_for_long() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    assert passed(limits, "a", limit(1, 5), 9) == 5
    clock.now -= 100_000
    assert limits.take_now("a", limit(1, 5)).wait == 1


@given(
    rate=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 10), max_size=60),
)
def test_never_more_than_the_burst_and_the_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    started = clock.now
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += limits.take_now("a", limit(rate, burst)).wait is None
        assert taken <= burst + (clock.now - started) * rate + 0.01
        assert 0 <= limits.state("a", limit(rate, burst)).remaining <= burst


async def test_to_take_a_token_tells_how_the_bucket_stands_then() -> None:
    clock = Clock()
    limits = LocalLimits(clock)
    assert await limits.take("a", limit(2, 2)) == Taken(limit(2, 2), None, BucketState(2, 1, 0.5))
    assert await limits.take("a", limit(2, 2)) == Taken(limit(2, 2), None, BucketState(2, 0, 1.0))
    assert await limits.take("a", limit(2, 2)) == Taken(limit(2, 2), 1, BucketState(2, 0, 1.0))


@pytest.mark.parametrize(
    ("rate", "burst", "left", "policy", "state"),
    [
        (2, 4, BucketState(4, 3, 0.5), b'"address";q=4;w=2', b'"address";r=3;t=1'),
        (100, 10, BucketState(10, 0, 0.1), b'"address";q=10;w=1', b'"address";r=0;t=1'),
        (1 / 3600, 5, BucketState(5, 5, 0.0), b'"address";q=5;w=18000', b'"address";r=5;t=0'),
    ],
)
def test_a_caller_is_told_of_its_limit(rate: float, burst: int, left: BucketState, policy: bytes, state: bytes) -> None:
    taken = Taken(limit(rate, burst), None, left)
    assert dict(taken.fields) == {b"RateLimit-Policy": policy, b"RateLimit": state}


@pytest.mark.parametrize(("wait", "status"), [(None, None), (3, 429)])
def test_a_request_without_a_token_is_refused(wait: int | None, status: int | None) -> None:
    refusal = Taken(limit(1, 1), wait, BucketState(1, 0, 3.0)).refusal
    assert (refusal and (refusal.status, refusal.retry_after)) == (status and (status, wait))


class CountingLimits(LocalLimits):
    """Buckets that note their names."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.counted: list[str] = []

    def take_now(self, key: str, limit: RateLimit) -> Taken:
        self.counted.append(key)
        return super().take_now(key, limit)


def counted(per: LimitBy, session: Session) -> tuple[list[str], list[bool]]:
    """Return the buckets of which one request takes, and at which of the two places something was counted."""
    limits = CountingLimits()
    limiter = RateLimiter("orders", RateLimit(per, 1.0, 1), limits)
    places = [
        limiter.count_address("192.0.2.1", lambda taken: taken is not None),
        limiter.count_caller(session, lambda taken: taken is not None),
    ]
    return limits.counted, [place is True for place in places]


@pytest.mark.parametrize(
    ("per", "bucket", "places"),
    [
        (LimitBy.ADDRESS, "orders\x00192.0.2.1", [True, False]),
        (LimitBy.SESSION, "orders\0session_1", [False, True]),
        (LimitBy.API_KEY, "orders\0key_1", [False, True]),
    ],
)
def test_a_request_is_counted_once(per: LimitBy, bucket: str, places: list[bool]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key = ApiKey(auto_id=1, id="key_1", type="user", name="k", created_at=now, updated_at=now)
    session = Session(subject="user_1", id="session_1", api_key=key)
    assert counted(per, session) == ([bucket], places)


def test_a_caller_without_an_api_key_is_counted_by_its_session_else_by_its_subject() -> None:
    by_key = LimitBy.API_KEY
    assert counted(by_key, Session(subject="user_1", id="session_1"))[0] == ["orders\0session_1"]
    assert counted(by_key, Session(subject="user_2"))[0] == ["orders\0user_2"]


def test_what_follows_is_told_of_the_token() -> None:
    limiter = RateLimiter("orders", RateLimit(LimitBy.ADDRESS, 1.0, 1), LocalLimits(lambda: 0.0))
    waits = [limiter.count_address("192.0.2.1", lambda taken: taken and taken.wait) for _ in range(2)]
    assert waits == [None, 1]


LIMIT = RateLimit(LimitBy.SESSION, rate=1.0, burst=3)
ALONE = RateLimit(LimitBy.SESSION, rate=1.0, burst=3, shared=False)


class Fleet:
    """What the other replicas know of a bucket; answers what it is told to, and remembers what it was asked."""

    def __init__(self, answer: tuple[float, float] | None) -> None:
        self.answer = answer
        self.calls: list[tuple[str, float, float]] = []

    async def take(self, name: str, interval: float, capacity: float) -> tuple[float, float] | None:
        self.calls.append((name, interval, capacity))
        return self.answer


def limits_of(fleet: Fleet) -> tuple[SharedLimits, LocalLimits]:
    local = LocalLimits(lambda: 1000.0)
    return SharedLimits(local, fleet.take), local


async def test_the_fleet_says_how_the_bucket_stands() -> None:
    fleet = Fleet((0.0, 2.5))
    limits, _ = limits_of(fleet)
    assert await limits.take("a", LIMIT) == Taken(LIMIT, None, BucketState(3, 0, 2.5))
    assert fleet.calls == [("a", 1.0, 3.0)]


async def test_what_the_fleet_refuses_costs_no_token_here() -> None:
    fleet = Fleet((0.4, 3.0))
    limits, local = limits_of(fleet)
    for _ in range(10):
        assert await limits.take("a", LIMIT) == Taken(LIMIT, 1, BucketState(3, 0, 3.0))
    assert local.state("a", LIMIT).remaining == 3


async def test_whoever_floods_one_process_is_refused_there_without_a_question() -> None:
    fleet = Fleet((0.0, 0.1))
    limits, _ = limits_of(fleet)
    taken = [(await limits.take("a", LIMIT)).wait for _ in range(100)]
    assert taken == [None] * 3 + [1] * 97
    assert len(fleet.calls) == 3


async def test_when_the_fleet_cannot_be_asked_each_keeps_the_limit_by_itself() -> None:
    limits, _ = limits_of(Fleet(None))
    taken = [await limits.take("a", LIMIT) for _ in range(4)]
    assert [each.wait for each in taken] == [None, None, None, 1]
    assert [each.bucket.remaining for each in taken] == [2, 1, 0, 0]


async def test_a_limit_that_is_not_shared_asks_nobody() -> None:
    fleet = Fleet((5.0, 5.0))
    limits, _ = limits_of(fleet)
    assert [(await limits.take("a", ALONE)).wait for _ in range(4)] == [None, None, None, 1]
    assert fleet.calls == []


async def test_only_what_the_fleet_has_to_be_asked_about_is_waited_for() -> None:
    fleet = Fleet((0.0, 0.1))
    limits, _ = limits_of(fleet)
    assert limits.take_now("alone", ALONE) == Taken(ALONE, None, BucketState(3, 2, 1.0))
    assert limits.take_now("a", LIMIT) is None
    for _ in range(3):
        await limits.take("a", LIMIT)
    refused = limits.take_now("a", LIMIT)
    assert refused is not None
    assert (refused.wait, len(fleet.calls)) == (1, 3)
