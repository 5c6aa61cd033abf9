"""Limits that a whole fleet keeps together, and each process by itself when the others cannot be asked."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gateway.policy.limits import LocalLimits, Taken, standing

if TYPE_CHECKING:
    from gateway.model.route import RateLimit

TakeShared = Callable[[str, float, float], Awaitable[tuple[float, float] | None]]
"""(bucket, seconds that a token costs, seconds that a full bucket holds) -> seconds until there is a token (0: taken)
and until the bucket is full; `None` when nobody can tell."""


class SharedLimits:
    """A local bucket in front, the fleet's behind it.

    The local one says no to whoever floods this process, without a question to anybody. It says yes only where the
    fleet's does, or cannot be asked: then each process keeps the limit by itself, so that an outage lets through as
    many times the limit as there are processes, and no more.
    """

    def __init__(self, local: LocalLimits, take_shared: TakeShared) -> None:
        self._local = local
        self._take_shared = take_shared

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take one token, as in `Limits`. One that the fleet refuses costs none here either."""
        if not limit.shared or self._local.standing(key, limit).remaining < 1:
            return self._local.take_now(key, limit)
        told = await self._take_shared(key, 1 / limit.rate, limit.burst / limit.rate)
        if told is None:
            return self._local.take_now(key, limit)
        wait, owed = told
        if wait > 0:
            return Taken(math.ceil(wait), standing(limit, owed))
        self._local.take_now(key, limit)
        return Taken(None, standing(limit, owed))
