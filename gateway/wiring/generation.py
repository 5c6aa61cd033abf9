"""Everything that one Settings describes, wired in one place: read it to learn who calls whom.

A reload builds a whole new generation, swaps one name and closes the old one; a request lives and dies in one.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from gateway.config.settings import IdentitySettings, Settings, TelemetrySettings, UpstreamsSettings, to_routes
from gateway.credentials.reader import Reader
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.proxy import Proxy
from gateway.endpoints.public_port import PublicPort
from gateway.gate import Gate, Resolve
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.identity_headers import IdentityHeaders
from gateway.identity.identity_tokens import IdentityTokens
from gateway.model.route import Route
from gateway.policy.limits import Limits
from gateway.policy.routes import RouteTable
from gateway.resilience.tasks import TaskKeeper
from gateway.signing import KeyRing
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.console import ConsoleLines
from gateway.telemetry.journal import Journal
from gateway.telemetry.request_ids import RequestIds
from gateway.telemetry.trace_context import Traces
from gateway.upstream.balancer import HealthLimits, Upstreams
from gateway.upstream.http_forwarder import HttpForwarder
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.pool import PoolLimits
from gateway.upstream.request_head import RequestHeads, Stripped
from gateway.wiring.endpoints import development_cookies, forward_auth_endpoints, own_endpoints, renewal_of
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring, open_sessions_wiring
from gateway.wiring.tracing import tracing_of

_TOGETHER = 0.02
"""Seconds in which further news are waited for before open streams are looked at: revocations often come in crowds."""


class UpstreamIdentity:
    """What upstreams are told of a caller, and the keys that sign it, if there are any."""

    def __init__(self, settings: IdentitySettings, process: Process) -> None:
        token = settings.token
        self.key_ring: KeyRing | None = None
        self.tokens: IdentityTokens | None = None
        self.foreign = ForeignNames(settings.from_clients)
        if token is None:
            self.headers = IdentityHeaders(settings.headers, value_bytes=settings.value_bytes)
            return
        self.key_ring = KeyRing.load(Path(token.keys_file))
        self.tokens = IdentityTokens(self.key_ring, token.issuer, token.ttl, process.clock, name=token.header)
        self.headers = IdentityHeaders(settings.headers, token_name=token.header, value_bytes=settings.value_bytes)


class RecheckSignal:
    """Tells whoever watches open streams that there is something to look at; `due` alone, that it is new streams."""

    def __init__(self) -> None:
        self.due = asyncio.Event()
        self._heard = False

    def heard(self) -> None:
        """Note that something was ended, or may have been."""
        self._heard = True
        self.due.set()

    async def next(self) -> bool:
        """Wait until there is something to look at, and a moment for more of it; tell whether something was ended."""
        await self.due.wait()
        await asyncio.sleep(_TOGETHER)
        self.due.clear()
        heard, self._heard = self._heard, False
        return heard


class Generation:
    """One config at work; open it with `open_generation`. `settings` were checked."""

    def __init__(
        self,
        settings: Settings,
        process: Process,
        told: UpstreamIdentity,
        identification: SessionsWiring,
        news: RecheckSignal,
    ) -> None:
        self._told = told
        self.identification = identification
        self._news = news
        self._table = RouteTable(to_routes(settings))
        self._tasks = TaskKeeper()
        limits = self.identification.fleet.limits()
        gate = self.gate(_resolving(settings.telemetry, process, self.identification.resolver.resolve), limits)
        self.streams = OpenStreams(process.clock, news.due.set)
        self.heads = RequestHeads(_stripped(self.identification.readers.values(), self._told))
        self.upstreams = _upstreams(self._table.routes, settings.upstreams)
        self._forwarder = HttpForwarder(self.upstreams, self.heads, self.streams)
        accesses = AccessReader(settings.trusted_proxies, settings.limits.target_bytes, process.clock)
        endpoints = own_endpoints(settings, gate, self.identification, limits, process, self._told.key_ring)
        renewal = renewal_of(settings, self.identification)
        development = development_cookies(settings, self.identification)
        proxy = Proxy(gate, self._forwarder, accesses, process.now, renewal, development=development)
        readers = tuple(self.identification.readers.values())
        asked = tuple(forward_auth_endpoints(settings, gate, readers, self._told.headers, accesses, process.now))
        beneath = {endpoint.beneath: endpoint for endpoint in asked if endpoint.beneath}
        journal = _journal(settings.telemetry, process)
        self.front = PublicPort((*endpoints, *asked), proxy, accesses, journal, beneath)
        self._tasks.start(self._end_streams(), "ending of streams")

    def gate(self, resolve: Resolve, limits: Limits) -> Gate:
        """Return a gate of this generation; `explain` asks for one that leaves no trace."""
        return Gate(self._table, self.identification.readers, resolve, self._told.headers, limits, self._told.tokens)

    async def close(self) -> None:
        """End everything of this generation; its last request is over."""
        await self._tasks.aclose()
        await self._forwarder.close()
        await self.identification.close()

    async def _end_streams(self) -> None:
        """Look at new streams once, and at all each time that something was ended, or may have been."""
        while True:
            heard = await self._news.next()
            await self.streams.recheck(self.identification.resolver.resolve, unseen_only=not heard)


async def open_generation(settings: Settings, process: Process) -> Generation:
    """Build a generation; raises GatewayError when a part of it cannot be used, leaving nothing open."""
    tracing_of(settings.telemetry, process)  # raises before there is anything to close
    told, news = UpstreamIdentity(settings.identity, process), RecheckSignal()
    identification = await open_sessions_wiring(settings, process, news.heard)
    try:
        return Generation(settings, process, told, identification, news)
    except BaseException:
        await identification.close()
        raise


def _stripped(readers: Collection[Reader], told: UpstreamIdentity) -> Stripped:
    return Stripped(
        identity=told.headers.spellings,
        foreign=told.foreign.include,
        credentials=frozenset(name for reader in readers for name in reader.headers),
        cookies=frozenset(name for reader in readers for name in reader.cookies),
    )


def _upstreams(routes: Sequence[Route], settings: UpstreamsSettings) -> Upstreams:
    pool = PoolLimits(
        connections=settings.connections,
        queue=settings.queue,
        queue_timeout=settings.queue_timeout,
        keep_alive=settings.keep_alive,
        max_age=settings.max_age,
        head_bytes=settings.head_bytes,
    )
    health = HealthLimits(failures=settings.failures, eject=settings.eject)
    return Upstreams(routes, pool, health, dns_ttl=settings.dns_ttl, tls=ssl.create_default_context)


def _resolving(settings: TelemetrySettings, process: Process, resolve: Resolve) -> Resolve:
    """Return how the gate resolves: noted for spans, where there are any."""
    tracing = tracing_of(settings, process)
    return resolve if tracing is None else tracing.resolving(resolve)


def _journal(settings: TelemetrySettings, process: Process) -> Journal:
    access_log = None
    if settings.access_log:
        encode = ConsoleLines(colour=sys.stdout.isatty()) if settings.format == "console" else None
        access_log = AccessLog(
            process.lines,
            process.flush_soon,
            process.stamps,
            encode=encode,
            sample_allowed=settings.sample_allowed,
            chance=random.random,
        )
    random_hex, tracing = process.random_hex, tracing_of(settings, process)
    return Journal(
        RequestIds(random_hex),
        Traces(random_hex) if tracing is None else tracing.traces,
        process.metrics,
        process.forwarding_metrics,
        access_log,
        process.now,
        make_spans=None if tracing is None else tracing.make_spans,
    )
