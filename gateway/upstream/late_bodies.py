"""Bodies that were not there when their head was: a connection is taken for one when it has come, and not before.

A thousand bodies of a byte now and then cost their sender nothing, and took a whole pool from everybody.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.http1.faults import ExchangeError, Fault
from gateway.resilience.shares import BUFFERED, Shares
from gateway.upstream.forward_context import CONTINUE, ForwardContext
from gateway.upstream.request_body import RequestBody

STREAMED = 64 * 1024
"""Bytes after which a body is sent on as it comes, unless its route buffers more."""


def _is_one(_address: str) -> bool:
    return False


class CallerLimits(msgspec.Struct, frozen=True):
    """What callers may keep others waiting with; `least_rate` is in bytes a second, `body_wait` in seconds.

    `is_many` tells that an address stands for many clients (a trusted proxy), and has no share of its own.
    """

    bodies_per_address: int = 200
    buffered_bytes: int = BUFFERED
    least_rate: int = 500
    body_wait: float = 0.5
    is_many: Callable[[str], bool] = _is_one


class LateBodies:
    """Waits for bodies, and counts those that each address keeps open. `clock` is the loop's, in seconds."""

    def __init__(self, callers: CallerLimits, clock: Callable[[], float]) -> None:
        self._callers = callers
        self._clock = clock
        self._shares = Shares()
        self._buffered_left = callers.buffered_bytes

    async def arrive(self, context: ForwardContext, body: RequestBody) -> bool:
        """Wait until `body` is there, or as much of it as is kept; tell whether that was in time for its rate.

        Raises ExchangeError when it never comes, or when its client keeps too many open. `leave` must follow.
        """
        client = context.decision.access.client
        context.late = True
        if self._shares.enter(client) > self._callers.bodies_per_address and not self._callers.is_many(client):
            raise ExchangeError(Fault.TOO_MANY_BODIES, "limits.bodies_per_address")
        most = context.route.buffer_body
        if most > self._buffered_left:
            most = 0
        if context.expects:
            if not most:
                return False  # it sends nothing until it is invited, which is when there is a connection
            context.client.write(CONTINUE)
        self._buffered_left -= most
        try:
            return await self._wait(context, body, most)
        finally:
            self._buffered_left += most

    def leave(self, context: ForwardContext) -> None:
        """Count a request's body no more."""
        if context.late:
            context.late = False
            self._shares.leave(context.decision.access.client)

    async def _wait(self, context: ForwardContext, body: RequestBody, most: int) -> bool:
        if not most:
            there = await body.arrive(STREAMED, self._seconds(context, self._callers.body_wait))
        else:
            stream = context.streams.add("answer", context.decision, lambda _: body.give_up(ExchangeError(Fault.ENDED)))
            try:
                there = await body.arrive(most, self._seconds(context, None))
            finally:
                context.streams.remove(stream)
        if not there and context.ends_at and self._clock() >= context.ends_at:
            raise ExchangeError(Fault.TOTAL_TIMEOUT)
        return there

    def _seconds(self, context: ForwardContext, most: float | None) -> float | None:
        """Return how long to wait: until the exchange's end, and `most` seconds."""
        if not context.ends_at:
            return most
        left = context.ends_at - self._clock()
        return left if most is None else min(left, most)
