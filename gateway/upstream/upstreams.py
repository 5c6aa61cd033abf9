"""Every upstream of one generation: how it is reached, and whether it serves."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence

from gateway.model.route import HealthCheck, Route, UpstreamAddress, UpstreamTls
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.forwarding_metrics import UpstreamNumbers
from gateway.upstream.balancer import HealthLimits, Upstream, UpstreamGroup
from gateway.upstream.connector import Connector
from gateway.upstream.health_checks import HealthChecks
from gateway.upstream.name_resolution import ResolvedAddresses
from gateway.upstream.pool import Pool, PoolLimits


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
        self._dns_ttl = dns_ttl
        keys = dict.fromkeys((address, route.tls) for route in routes for address in route.upstream)
        contexts = {of: tls(of) for of in dict.fromkeys(of for address, of in keys if address.scheme == "https")}
        self._checks: list[HealthChecks] = []
        self._upstreams = {
            (address, of): self._upstream(address, of, contexts.get(of), pool, health) for address, of in keys
        }
        for route in routes:
            if route.health_check is not None:
                self._check(route, route.health_check)
        self._groups = {
            route.name: UpstreamGroup([self._upstreams[address, route.tls] for address in route.upstream], self._clock)
            for route in routes
        }

    def _upstream(
        self,
        address: UpstreamAddress,
        tls: UpstreamTls,
        context: ssl.SSLContext | None,
        pool: PoolLimits,
        health: HealthLimits,
    ) -> Upstream:
        label = str(address)
        if address.scheme != "https":
            context = None
        elif tls.server_name:
            label = f"{address} ({tls.server_name})"
        addresses = ResolvedAddresses(address.host, address.port, self._dns_ttl, self._tasks)
        connector = Connector(address, addresses, pool.head_bytes, context, tls.server_name)
        return Upstream(address, Pool(connector, pool), health, label)

    def _check(self, route: Route, check: HealthCheck) -> None:
        """Give the route's upstreams their checks; those of an earlier route stay."""
        for address in route.upstream:
            upstream = self._upstreams[address, route.tls]
            if upstream.checks is None:
                host = route.tls.server_name or address.authority
                upstream.checks = HealthChecks(upstream.pool.connector, check, upstream.label, host)
                self._checks.append(upstream.checks)

    def watch(self) -> None:
        """Begin the health checks; a generation that serves nobody needs none."""
        for checks in self._checks:
            self._tasks.start(checks.run(), "health checks of an upstream")

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
