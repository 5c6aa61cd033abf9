"""Exchanges that last for longer than a second: found by looking once a second, so that others cost nothing.

A plain answer is over before a revocation could matter; what lasts is entered among the open streams, to be ended with
its session. And what lasts holds a place in a pool that others may need: whoever is slow, or has more places than an
address may have, gives way to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from gateway.resilience.shares import Shares
from gateway.upstream.exchange import Exchange
from gateway.upstream.pool import Pool, YieldingPlace

EVERY = 1.0
"""Seconds between two looks."""

_JUDGED_AFTER = 5
"""Looks over which a caller's rate is measured: on a slow line a second may pass between two packets."""


class _Watched(msgspec.Struct):
    """An exchange that was seen before: how much it had moved when its rate was judged last, and the looks since."""

    moved: int
    looks: int = 0


class LongExchanges:
    """Looks at every connection of `pools`. To be made on the running event loop.

    A caller that moves fewer than `least_rate` bytes a second is slow. Who `is_many` has no share of its own.
    """

    def __init__(self, pools: Iterable[Pool], least_rate: int, is_many: Callable[[str], bool]) -> None:
        self._pools = tuple(pools)
        self._least = least_rate * EVERY * _JUDGED_AFTER
        self._is_many = is_many
        self._watched: dict[Exchange, _Watched] = {}
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(EVERY, self._look_again)

    def look(self) -> None:
        """Look once."""
        before, self._watched = self._watched, {}
        for pool in self._pools:
            pool.yielding = self._yielding(pool, before)

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look_again(self) -> None:
        self._timer = self._loop.call_later(EVERY, self._look_again)
        self.look()

    def _yielding(self, pool: Pool, before: dict[Exchange, _Watched]) -> list[YieldingPlace]:
        """Return whose places are lent until others need them, the last one first."""
        shares, excess, slow = Shares(), list[Exchange](), list[Exchange]()
        for connection in pool.lent():
            exchange = connection.sink
            if not isinstance(exchange, Exchange):
                continue
            watched = before.get(exchange)
            if watched is None:
                self._watched[exchange] = _Watched(exchange.moved)
            else:
                self._watched[exchange] = self._judged(exchange, watched)
                exchange.lasts()
                client = exchange.context.decision.access.client
                if shares.enter(client) > pool.share and not self._is_many(client):
                    excess.append(exchange)
            if exchange.slow:
                slow.append(exchange)
        return [*excess, *slow]

    def _judged(self, exchange: Exchange, watched: _Watched) -> _Watched:
        if watched.looks + 1 < _JUDGED_AFTER:
            return _Watched(watched.moved, watched.looks + 1)
        moved = exchange.moved
        exchange.slow = exchange.waits_for_caller and moved - watched.moved < self._least
        return _Watched(moved)
