"""Which of a route's upstreams gets a request: the least busy one that can be reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import count

import msgspec

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import UpstreamAddress
from gateway.telemetry.forwarding_metrics import UpstreamNumbers
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.health_checks import HealthChecks
from gateway.upstream.pool import Pool

_UNREACHED = frozenset({Fault.NAME, Fault.CONNECT, Fault.CONNECT_TIMEOUT, Fault.TLS})
"""Faults before a connection stood: they speak against the upstream, and the request may go elsewhere."""

_DOUBLINGS_MOST = 6


class HealthLimits(msgspec.Struct, frozen=True):
    """Passive health. After `failures` failed connects in a row an upstream is left out for `eject` seconds.

    Then one request is let through to probe it; each failed probe doubles the time, up to 64 times.
    """

    failures: int = 3
    eject: float = 1.0


class Upstream:
    """One upstream: its pool, how many exchanges it has now (`outstanding`), and whether it can be reached.

    Every `now` is the loop's clock, in seconds.
    """

    def __init__(self, address: UpstreamAddress, pool: Pool, health: HealthLimits, label: str = "") -> None:
        self.address = address
        self.label = label or str(address)
        self.pool = pool
        self.checks: HealthChecks | None = None
        self.outstanding = 0
        self.ejections = 0
        self._health = health
        self._failures = 0
        self._ejected_until = 0.0

    def available(self, now: float) -> bool:
        """Tell whether requests may go here."""
        return now >= self._ejected_until and not self.failing

    @property
    def failing(self) -> bool:
        """Tell whether its health checks say that it does not serve."""
        return self.checks is not None and self.checks.failing

    @property
    def ejected_until(self) -> float:
        """The loop's clock, in seconds, from which the next probe may go here."""
        return self._ejected_until

    def numbers(self, now: float) -> UpstreamNumbers:
        """Count what is going on, for metrics."""
        pool = self.pool
        return UpstreamNumbers(
            upstream=self.label,
            open=pool.open + pool.streams,
            idle=pool.idle,
            waiting=pool.waiting,
            outstanding=self.outstanding,
            available=self.available(now),
            connects=pool.connects,
            connect_faults=pool.connect_faults,
            ejections=self.ejections,
        )

    def chosen(self, now: float) -> None:
        """Let nobody else probe while this request does."""
        if self._ejected_until:
            self._ejected_until = now + self._health.eject

    def reached(self) -> None:
        """Note a connection that stood."""
        self._failures = 0
        self._ejected_until = 0.0

    def lend(self) -> Loan | None:
        """Return a connection that waits for a request; None when none does."""
        connection = self.pool.take_idle()
        if connection is None:
            return None
        self.outstanding += 1
        if self._failures:
            self.reached()
        return Loan(connection, self)

    def missed(self, now: float) -> None:
        """Note a connection that could not be made."""
        self._failures += 1
        beyond = self._failures - self._health.failures
        if beyond >= 0:
            self.ejections += beyond == 0
            self._ejected_until = now + self._health.eject * 2 ** min(beyond, _DOUBLINGS_MOST)


class Loan(msgspec.Struct):
    """A connection, and where it goes back to."""

    connection: UpstreamConnection
    upstream: Upstream

    def give_back(self) -> None:
        """End the exchange."""
        self.upstream.outstanding -= 1
        self.upstream.pool.give_back(self.connection)

    def leave_pool(self) -> None:
        """Have the connection for oneself."""
        self.upstream.pool.part_with(self.connection)


class UpstreamGroup:
    """The upstreams of one route; `clock` is the loop's, in seconds."""

    def __init__(self, upstreams: Sequence[Upstream], clock: Callable[[], float]) -> None:
        self.upstreams = tuple(upstreams)
        self._clock = clock
        self._turn = count()

    def choose(self, besides: Upstream | None = None) -> Upstream:
        """Choose the least busy upstream that is not left out; when all are, the one that is due first."""
        upstreams = self.upstreams
        if len(upstreams) == 1:
            return upstreams[0]
        now = self._clock()
        ready = self._ready(now, besides)
        first = next(self._turn) % len(ready)  # equally busy ones take turns
        chosen = min(ready[first:] + ready[:first], key=lambda upstream: upstream.outstanding)
        chosen.chosen(now)
        return chosen

    def choose_for(self, caller: str) -> Upstream:
        """Choose the upstream of one caller, the same in every process as long as it is not left out.

        By the highest hash of caller and upstream (rendezvous hashing, Thaler and Ravishankar 1998): where one upstream
        goes, only its own callers move.
        """
        now = self._clock()
        chosen = max(self._ready(now), key=lambda upstream: _weight(caller, upstream.label))
        chosen.chosen(now)
        return chosen

    def _ready(self, now: float, besides: Upstream | None = None) -> list[Upstream]:
        others = [upstream for upstream in self.upstreams if upstream is not besides] or list(self.upstreams)
        ready = [upstream for upstream in others if upstream.available(now)]
        return ready or [min(others, key=lambda upstream: (upstream.failing, upstream.ejected_until))]

    async def borrow(
        self, upstream: Upstream, connect_timeout: float, client: str = "", *, fresh: bool = False, yields: bool = False
    ) -> Loan:
        """Return a connection; when none can be made, try once more, at another upstream or another address.

        `connect_timeout` is in seconds. `fresh` asks for a new connection. One that `yields` takes no one's place, any
        other may for `client`. Raises ExchangeError.
        """
        try:
            return await self._borrow(upstream, connect_timeout, client, fresh=fresh, yields=yields)
        except ExchangeError as error:
            if error.fault not in _UNREACHED:
                raise
        return await self._borrow(self.choose(upstream), connect_timeout, client, fresh=False, yields=yields)

    async def _borrow(
        self, upstream: Upstream, connect_timeout: float, client: str, *, fresh: bool, yields: bool
    ) -> Loan:
        upstream.outstanding += 1
        lent = False
        try:
            connection = await upstream.pool.borrow(connect_timeout, client, fresh=fresh, yields=yields)
            lent = True
        except ExchangeError as error:
            if error.fault in _UNREACHED:
                upstream.missed(self._clock())
            raise
        finally:
            upstream.outstanding -= not lent
        upstream.reached()
        return Loan(connection, upstream)


def _weight(caller: str, label: str) -> bytes:
    return blake2b(f"{caller}\0{label}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
