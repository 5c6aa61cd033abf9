"""How many requests a caller may send: token buckets, in this process or shared by all replicas.

A bucket is one number, the instant at which it will be full again (the generic cell rate algorithm, ITU-T I.371). A
token costs `1 / rate` seconds, and a full bucket is `burst / rate` seconds. Replicas share the same number, so a shared
bucket agrees with a local one.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from gateway.model.client_address import bucket_of_address
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import LimitBy, RateLimit

if TYPE_CHECKING:
    from gateway.model.decision import HeaderPairs
    from gateway.model.session import Session

TakeShared = Callable[[str, float, float], Awaitable[tuple[float, float] | None]]
"""(bucket, cost of a token, size of a full bucket) -> (time until there is a token, 0 when one was taken; time until
the bucket is full), all in seconds; `None` when the shared bucket is not available."""

_ROUNDING = 1e-6
"""Seconds by which a sum of many `1 / rate` may be off; far less than the interval between two requests of a caller."""


class BucketState(msgspec.Struct, frozen=True):
    """The state of a bucket: `remaining` tokens of `burst`, and the seconds until it is full."""

    burst: int
    remaining: int
    full_after: float


class Taken(msgspec.Struct, frozen=True):
    """The result of taking a token: `wait` is `None` when there was one, else the whole seconds until there is."""

    limit: RateLimit
    wait: int | None
    bucket: BucketState

    @property
    def refusal(self) -> Refusal | None:
        """The refusal of a request that got no token."""
        if self.wait is None:
            return None
        return Refusal(RefusalCode.RATE_LIMITED, f"per {self.limit.per}", None, self.wait)

    @property
    def fields(self) -> HeaderPairs:
        """The fields that tell a caller its limit (draft-ietf-httpapi-ratelimit-headers-10).

        The policy's name is what is counted. There are `q` tokens in `w` seconds at most; `r` are left, and after `t`
        seconds there are `q` again.
        """
        name, window = self.limit.per.value, max(1, math.ceil(self.limit.burst / self.limit.rate))
        return (
            (b"RateLimit-Policy", f'"{name}";q={self.limit.burst};w={window}'.encode("ascii")),
            (
                b"RateLimit",
                f'"{name}";r={self.bucket.remaining};t={math.ceil(self.bucket.full_after)}'.encode("ascii"),
            ),
        )


class Limits(Protocol):
    """Counts requests in buckets."""

    def take_now(self, key: str, limit: RateLimit) -> Taken | None:
        """Take one token of the bucket `key`; a refused request costs none. `None` where the others must be asked."""

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token, and ask the others where they must be."""


Answer = TypeVar("Answer")
Step = Callable[[Taken | None], Answer | Coroutine[Any, Any, Answer]]
"""What follows when a request was counted; it gets what came of it, None where this was not the place to count."""


class RateLimiter:
    """The rate limit of one route or endpoint; `scope` names it, so that no two share a bucket.

    It counts each request once: by address before the look-up, or by caller after it, as the limit says.
    """

    def __init__(self, scope: str, limit: RateLimit, limits: Limits) -> None:
        self._scope = scope
        self._limit = limit
        self._limits = limits

    def count_address(self, address: str, step: Step[Answer]) -> Answer | Coroutine[Any, Any, Answer]:
        """Count a client address and go on with `step`, which gets None where the limit counts callers."""
        if self._limit.per is not LimitBy.ADDRESS:
            return step(None)
        return self._take(bucket_of_address(address), step)

    def count_caller(self, session: Session, step: Step[Answer]) -> Answer | Coroutine[Any, Any, Answer]:
        """Count a session or its API key and go on with `step`, which gets None where the limit counts addresses."""
        if self._limit.per is LimitBy.ADDRESS:
            return step(None)
        if self._limit.per is LimitBy.API_KEY and session.api_key is not None:
            return self._take(session.api_key.id, step)
        return self._take(session.id or session.subject, step)

    def _take(self, caller: str, step: Step[Answer]) -> Answer | Coroutine[Any, Any, Answer]:
        """Take one token and go on: at once, or when the others have been asked."""
        bucket = f"{self._scope}\0{caller}"
        taken = self._limits.take_now(bucket, self._limit)
        return step(taken) if taken is not None else self._take_shared(bucket, step)

    async def _take_shared(self, bucket: str, step: Step[Answer]) -> Answer:
        stepped = step(await self._limits.take(bucket, self._limit))
        return await stepped if isinstance(stepped, Coroutine) else stepped


class LocalLimits:
    """The buckets of one process.

    `clock` is in seconds and should never go back (`time.monotonic`). There are at most `buckets`; the one that was not
    used for the longest time is dropped, and is full when it is next used.
    """

    def __init__(self, clock: Callable[[], float], buckets: int = 100_000) -> None:
        self._clock = clock
        self._most = buckets
        self._full_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token, as `Limits` does."""
        return self.take_now(key, limit)

    def take_now(self, key: str, limit: RateLimit) -> Taken:
        """Take one token without waiting."""
        now = self._clock()
        full_at = self._when_full(key, limit, now)
        wait = full_at + 1 / limit.rate - now - limit.burst / limit.rate
        if wait > _ROUNDING:
            # Stored as recently used: dropping the bucket of a caller that goes on asking would fill it.
            self._store(key, full_at)
            return Taken(limit, math.ceil(wait), _state(limit, full_at - now))
        full_at += 1 / limit.rate
        self._store(key, full_at)
        return Taken(limit, None, _state(limit, full_at - now))

    def state(self, key: str, limit: RateLimit) -> BucketState:
        """Return the state of the bucket `key`, and take nothing."""
        now = self._clock()
        return _state(limit, self._when_full(key, limit, now) - now)

    def _store(self, key: str, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)

    def _when_full(self, key: str, limit: RateLimit, now: float) -> float:
        """Return when the bucket is full: now, for a new one.

        Never later than a full bucket's seconds from now, so that a clock that was set back locks nobody out.
        """
        return min(max(self._full_at.get(key, now), now), now + limit.burst / limit.rate)


class SharedLimits:
    """The buckets of all replicas, each with a local one in front.

    The local bucket refuses a caller that floods this process, without asking anybody. It allows only what the shared
    one allows too, or what it could not be asked about: then each process limits by itself, and an outage lets through
    at most as many times the limit as there are processes.
    """

    def __init__(self, local: LocalLimits, take_shared: TakeShared) -> None:
        self._local = local
        self._take_shared = take_shared

    def take_now(self, key: str, limit: RateLimit) -> Taken | None:
        """Take one token where the local bucket alone may tell."""
        if not limit.shared or self._local.state(key, limit).remaining < 1:
            return self._local.take_now(key, limit)
        return None

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token, as `Limits` does; one that the shared bucket refuses costs none in the local one either."""
        taken = self.take_now(key, limit)
        if taken is not None:
            return taken
        shared = await self._take_shared(key, 1 / limit.rate, limit.burst / limit.rate)
        if shared is None:
            return self._local.take_now(key, limit)
        wait, full_after = shared
        if wait > 0:
            return Taken(limit, math.ceil(wait), _state(limit, full_after))
        self._local.take_now(key, limit)
        return Taken(limit, None, _state(limit, full_after))


def _state(limit: RateLimit, full_after: float) -> BucketState:
    """Return the state of a bucket that is full again in `full_after` seconds."""
    remaining = math.floor(limit.burst - (full_after - _ROUNDING) * limit.rate)
    return BucketState(limit.burst, max(0, remaining), max(0.0, full_after))
