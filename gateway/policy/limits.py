"""How many requests a caller may send: token buckets, kept in this process, bounded in number.

A bucket is one number, the instant at which it will be full again (the generic cell rate algorithm, ITU-T I.371): a
token costs `1 / rate` seconds of it, and a full bucket's worth of seconds may be owed. A counter that replicas share
is judged by the same number, so it can stand behind this one and agree with it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.model.route import LimitBy

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model.decision import HeaderPairs
    from gateway.model.route import RateLimit
    from gateway.model.session import Session

_IPV6_SITE_BITS = 64
_ROUNDING = 1e-6
"""Seconds. What a sum of many `1 / rate` may be off by; far below any interval between two requests of one caller."""


class BucketState(msgspec.Struct, frozen=True):
    """How a bucket stands: tokens left of `burst`, and seconds until it is full."""

    burst: int
    remaining: int
    full_after: float


class Taken(msgspec.Struct, frozen=True):
    """What came of taking a token: `wait` is `None`, or the whole seconds until there is one; and how it stands now."""

    wait: int | None
    standing: BucketState


class Limits(Protocol):
    """Counts requests by key."""

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token of the bucket `key`; a refused request costs none."""


class LocalLimits:
    """The buckets of one process.

    `clock` is in seconds and ought never to go back (`time.monotonic`). At most `buckets` are kept; the one that was
    used longest ago makes room, and is full when it is next asked for.
    """

    def __init__(self, clock: Callable[[], float], buckets: int = 100_000) -> None:
        self._clock = clock
        self._most = buckets
        self._full_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token, as in `Limits`."""
        return self.take_now(key, limit)

    def take_now(self, key: str, limit: RateLimit) -> Taken:
        """Take one token; nobody else is asked."""
        now = self._clock()
        full_at = self._when_full(key, limit, now)
        wait = full_at + 1 / limit.rate - now - limit.burst / limit.rate
        if wait > _ROUNDING:
            # Kept as recently used: else whoever goes on asking would be forgotten, and get a full bucket.
            self._keep(key, full_at)
            return Taken(math.ceil(wait), standing(limit, full_at - now))
        full_at += 1 / limit.rate
        self._keep(key, full_at)
        return Taken(None, standing(limit, full_at - now))

    def standing(self, key: str, limit: RateLimit) -> BucketState:
        """Return how the bucket `key` stands; takes nothing."""
        now = self._clock()
        return standing(limit, self._when_full(key, limit, now) - now)

    def _keep(self, key: str, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)

    def _when_full(self, key: str, limit: RateLimit, now: float) -> float:
        """Return when the bucket is full: now, for a new one.

        Never later than a bucket's worth from now, so that a clock that was set back locks nobody out.
        """
        return min(max(self._full_at.get(key, now), now), now + limit.burst / limit.rate)


def standing(limit: RateLimit, owed: float) -> BucketState:
    """Return how a bucket stands that is full again in `owed` seconds."""
    return BucketState(limit.burst, max(0, math.floor(limit.burst - (owed - _ROUNDING) * limit.rate)), max(0.0, owed))


def limit_fields(limit: RateLimit, standing: BucketState) -> HeaderPairs:
    """Return the fields that tell a caller of its limit (draft-ietf-httpapi-ratelimit-headers-10).

    The policy's name is what is counted. `q` tokens are there in `w` seconds at most, `r` are left, and in `t` seconds
    there are `q` again.
    """
    window = math.ceil(limit.burst / limit.rate)
    return (
        (b"RateLimit-Policy", f'"{limit.per.value}";q={limit.burst};w={max(1, window)}'.encode("ascii")),
        (
            b"RateLimit",
            f'"{limit.per.value}";r={standing.remaining};t={math.ceil(standing.full_after)}'.encode("ascii"),
        ),
    )


@lru_cache(maxsize=4096)
def bucket_of_address(address: str) -> str:
    """Return the key for limits by address: an IPv4 address, or the /64 network of an IPv6 one.

    Whoever has one IPv6 address has 2^64 of them (RFC 6177), each with a full bucket. What is no address (a socket
    file's peer) is a bucket by itself.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS)}/{_IPV6_SITE_BITS}"


def bucket_of_caller(session: Session, limit: RateLimit) -> str:
    """Return the key for limits by caller: the API key's id where keys are counted, else the session's or subject's."""
    if limit.per is LimitBy.API_KEY and session.api_key is not None:
        return session.api_key.id
    return session.id or session.subject
