"""Which of a route's upstreams gets a request: the least busy one that can be reached."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import msgspec

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import Route, UpstreamAddress, UpstreamTls
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.forwarding_metrics import UpstreamNumbers
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.connector import Connector
from gateway.upstream.name_resolution import ResolvedAddresses
from gateway.upstream.pool import Pool, PoolLimits

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
    """One upstream: its pool, how many exchanges it has now (`outstanding`), and whether it can be reached."""

    def __init__(self, address: UpstreamAddress, pool: Pool, health: HealthLimits, server_name: str = "") -> None:
        self.address = address
        self.label = f"{address} ({server_name})" if server_name else str(address)
        self.pool = pool
        self.outstanding = 0
        self.ejections = 0
        self._health = health
        self._failures = 0
        self._ejected_until = 0.0

    def available(self, now: float) -> bool:
        """Tell whether requests may go here; `now` is the loop's clock."""
        return now >= self._ejected_until

    @property
    def ejected_until(self) -> float:
        """When the next probe may go here."""
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
    """The upstreams of one route."""

    def __init__(self, upstreams: Sequence[Upstream], clock: Callable[[], float]) -> None:
        self.upstreams = tuple(upstreams)
        self._clock = clock
        self._turn = count()

    def choose(self, besides: Upstream | None = None) -> Upstream:
        """Choose the least busy upstream that is not ejected; when all are, the one that is due first."""
        upstreams = self.upstreams
        if len(upstreams) == 1:
            return upstreams[0]
        now = self._clock()
        others = [upstream for upstream in upstreams if upstream is not besides]
        ready = [upstream for upstream in others if upstream.available(now)]
        if not ready:
            return min(others, key=lambda upstream: upstream.ejected_until)
        first = next(self._turn) % len(ready)  # equally busy ones take turns
        chosen = min(ready[first:] + ready[:first], key=lambda upstream: upstream.outstanding)
        chosen.chosen(now)
        return chosen

    async def borrow(
        self, upstream: Upstream, connect_timeout: float, *, fresh: bool = False, yields: bool = False
    ) -> Loan:
        """Return a connection; when none can be made, try once more, at another upstream or another address.

        `fresh` asks for a new one, and who `yields` takes no one's place. Raises ExchangeError.
        """
        try:
            return await self._borrow(upstream, connect_timeout, fresh=fresh, yields=yields)
        except ExchangeError as error:
            if error.fault not in _UNREACHED:
                raise
        return await self._borrow(self.choose(upstream), connect_timeout, fresh=False, yields=yields)

    async def _borrow(self, upstream: Upstream, connect_timeout: float, *, fresh: bool, yields: bool) -> Loan:
        upstream.outstanding += 1
        lent = False
        try:
            connection = await upstream.pool.borrow(connect_timeout, fresh=fresh, yields=yields)
            lent = True
        except ExchangeError as error:
            if error.fault in _UNREACHED:
                upstream.missed(self._clock())
            raise
        finally:
            upstream.outstanding -= not lent
        upstream.reached()
        return Loan(connection, upstream)


class Upstreams:
    """Every upstream of one generation, one pool each, however many routes share it.

    `dns_ttl` is in seconds. `tls` makes the context for `https` upstreams; it is called once for each way in which
    they are verified. Raises OSError for files that cannot be loaded any more.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        pool: PoolLimits,
        health: HealthLimits,
        *,
        dns_ttl: float,
        tls: Callable[[UpstreamTls], ssl.SSLContext],
    ) -> None:
        self._tasks = TaskKeeper()
        self._clock = asyncio.get_running_loop().time
        keys = dict.fromkeys((address, route.tls) for route in routes for address in route.upstream)
        contexts = {of: tls(of) for of in dict.fromkeys(of for address, of in keys if address.scheme == "https")}
        self._upstreams = {
            (address, of): Upstream(
                address,
                Pool(
                    Connector(
                        address,
                        ResolvedAddresses(address.host, address.port, dns_ttl, self._tasks),
                        pool.head_bytes,
                        contexts[of] if address.scheme == "https" else None,
                        of.server_name,
                    ),
                    pool,
                ),
                health,
                of.server_name if address.scheme == "https" else "",
            )
            for address, of in keys
        }
        self._groups = {
            route.name: UpstreamGroup([self._upstreams[address, route.tls] for address in route.upstream], self._clock)
            for route in routes
        }

    def numbers(self) -> Iterator[UpstreamNumbers]:
        """Count what is going on at each upstream, for metrics."""
        now = self._clock()
        return (upstream.numbers(now) for upstream in self._upstreams.values())

    def pools(self) -> Iterator[Pool]:
        """Yield every pool."""
        return (upstream.pool for upstream in self._upstreams.values())

    def of(self, route: Route) -> UpstreamGroup:
        """Return the group of one of this generation's routes."""
        return self._groups[route.name]

    async def close(self) -> None:
        """Close idle connections now, the others when their exchange ends."""
        for upstream in self._upstreams.values():
            upstream.pool.close()
        await self._tasks.aclose()
