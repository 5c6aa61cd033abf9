"""Everything that one config describes, wired in one place: read it to learn who calls whom.

A reload builds a new generation, swaps it in and closes the old one; each request is served by one generation.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType

import msgspec

from gateway.authorities.openid_provider import OpenIdProvider
from gateway.config.settings import IdentitySettings, Settings, TelemetrySettings, UpstreamsSettings, to_routes
from gateway.credentials.shedding import Shedding
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.forward_auth.forward_auth import ForwardAuthEndpoint
from gateway.endpoints.proxy import Proxy
from gateway.endpoints.public_port import PublicPort
from gateway.endpoints.session_actions import SessionActionsEndpoint
from gateway.endpoints.shedding_forwarder import SheddingForwarder
from gateway.gate import Gate
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.identity_tokens import IdentityTokens
from gateway.model.answers import Sessions
from gateway.model.errors import GatewayError
from gateway.model.route import UpstreamTls
from gateway.policy.limits import Limits
from gateway.policy.routes import RouteTable
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.resolver import Resolver
from gateway.signing import KeyRing
from gateway.source.certificates import client_context
from gateway.telemetry.access_log import AccessLog, ConsoleLines
from gateway.telemetry.journal import Journal, RecordSink
from gateway.telemetry.request_ids import RequestIds
from gateway.telemetry.trace_context import Traces
from gateway.upstream.balancer import HealthLimits
from gateway.upstream.http_forwarder import HttpForwarder
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.pool import PoolLimits
from gateway.upstream.request_head import RequestHeads
from gateway.upstream.upstreams import Upstreams
from gateway.wiring.callers import caller_limits, many_callers
from gateway.wiring.checking import check_port
from gateway.wiring.endpoints import (
    ForwardAuthParts,
    development_cookies,
    forward_auth_endpoints,
    own_endpoints,
    renewal_of,
)
from gateway.wiring.judging import identity_headers, stripped
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring, open_authorities
from gateway.wiring.sign_in_wiring import SignInWiring, open_providers

_NO_PROVIDERS: Mapping[str, OpenIdProvider] = MappingProxyType({})
_BATCH_SECONDS = 0.02
"""For which a recheck of open streams waits for further revocations: they often come many at once."""


class UpstreamIdentity:
    """The identity headers that upstreams get, and the tokens and keys where the config has them.

    Raises GatewayError for keys that cannot be used.
    """

    def __init__(self, settings: IdentitySettings, process: Process) -> None:
        token = settings.token
        self.key_ring: KeyRing | None = None
        self.tokens: IdentityTokens | None = None
        self.foreign = ForeignNames(settings.from_clients)
        self.headers = identity_headers(settings)
        if token is None:
            return
        self.key_ring = KeyRing.load(Path(token.keys_file))
        self.tokens = IdentityTokens(self.key_ring, token.issuer, token.ttl, process.clock, name=token.header)


class RecheckSignal:
    """Wakes what rechecks open streams: `due` is set for new streams, `revoked` called for a recheck of all of them."""

    def __init__(self) -> None:
        self.due = asyncio.Event()
        self._revoked = False

    def revoked(self) -> None:
        """Recheck all streams: something was revoked, or may have been."""
        self._revoked = True
        self.due.set()

    async def next(self) -> bool:
        """Wait until a recheck is due, and a moment for further causes; return whether it is one of all streams."""
        await self.due.wait()
        await asyncio.sleep(_BATCH_SECONDS)
        self.due.clear()
        revoked, self._revoked = self._revoked, False
        return revoked


class Generation:
    """One checked config at work, from `open_generation`; `opened` holds what is closed with it."""

    def __init__(
        self,
        settings: Settings,
        process: Process,
        identity: UpstreamIdentity,
        sessions: SessionsWiring,
        recheck: RecheckSignal,
        providers: Mapping[str, OpenIdProvider] = _NO_PROVIDERS,
    ) -> None:
        self.sessions = sessions
        self.opened = AsyncExitStack()
        self._identity = identity
        self._recheck = recheck
        self._table = RouteTable(to_routes(settings))
        self._tasks = TaskKeeper()
        limits = sessions.redis.limits()
        gate = self.gate(_traced(settings.telemetry, process, sessions.resolver), limits)
        per_address, is_many = settings.limits.streams_per_address, many_callers(settings)
        self.streams = OpenStreams(process.clock, recheck.due.set, per_address=per_address, is_many=is_many)
        readers = tuple(sessions.readers.values())
        self.request_heads = RequestHeads(
            stripped(readers, identity.headers, identity.foreign.include, self._table.routes)
        )
        self.upstreams = _upstreams(settings.upstreams, self._table)
        self._forwarder = HttpForwarder(
            self.upstreams, self.request_heads, self.streams, process.now, caller_limits(settings)
        )
        allowed, listed = self._table.oddities, self._table.methods
        accesses = AccessReader(settings.trusted_proxies, settings.limits.target_bytes, process.clock, allowed, listed)
        self.shedding = Shedding(self._table.routes, sessions.readers)
        proxy = self._proxy(settings, process, gate, accesses)
        journal = _journal(settings.telemetry, process)
        parts = ForwardAuthParts(gate, readers, identity.headers, self.request_heads, accesses, process.now)
        self.check_port = check_port(settings, parts, journal)
        sign_in = SignInWiring(settings, providers, sessions, process).endpoints(gate, limits, allowed)
        own = own_endpoints(settings, gate, sessions, limits, process, identity.key_ring)
        endpoints = (*own, *forward_auth_endpoints(settings, parts), *sign_in)
        self.public_port = PublicPort(endpoints, proxy, accesses, journal, _beneath(endpoints))
        self._tasks.start(self._recheck_streams(), "recheck of streams")

    def gate(self, sessions: Sessions, limits: Limits) -> Gate:
        """Return a gate of this generation; `explain` has one of its own, which changes nothing."""
        identity = self._identity
        return Gate(self._table, self.sessions.readers, sessions, identity.headers, limits, identity.tokens)

    def _proxy(self, settings: Settings, process: Process, gate: Gate, accesses: AccessReader) -> Proxy:
        """Return what answers wherever no endpoint does."""
        renewal, development = renewal_of(settings, self.sessions), development_cookies(settings, self.sessions)
        carrying = SheddingForwarder(self._forwarder, self.shedding) if self.shedding else self._forwarder
        return Proxy(gate, carrying, accesses, process.now, renewal, development=development)

    def begin(self) -> None:
        """Begin what only a generation that serves has to do: the health checks of its upstreams."""
        self.upstreams.watch()

    async def close(self) -> None:
        """Close everything of this generation; its last request has ended."""
        await self._tasks.aclose()
        await self._forwarder.close()
        await self.opened.aclose()

    async def _recheck_streams(self) -> None:
        """Resolve new streams' sessions once, and those of all streams after each revocation."""
        while True:
            revoked = await self._recheck.next()
            await self.streams.recheck(self.sessions.resolver.resolve, unseen_only=not revoked)


async def open_generation(settings: Settings, process: Process) -> Generation:
    """Build a generation; raises GatewayError when a part of it cannot be used, and then nothing is left open."""
    process.tracing_for(settings.telemetry)  # raises before there is anything to close
    identity, recheck = UpstreamIdentity(settings.identity, process), RecheckSignal()
    async with AsyncExitStack() as stack:
        authorities = await open_authorities(settings, process, stack)
        sessions = SessionsWiring(settings, process, authorities, recheck.revoked)
        stack.push_async_callback(sessions.close)
        providers = await open_providers(settings, process, stack)
        generation = Generation(settings, process, identity, sessions, recheck, providers)
        generation.opened = stack.pop_all()
    return generation


def _beneath(endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """Return the endpoints that answer at whatever path begins as theirs does, by that beginning."""
    return {
        each.beneath: each
        for each in endpoints
        if isinstance(each, ForwardAuthEndpoint | SessionActionsEndpoint) and each.beneath
    }


def _upstreams(settings: UpstreamsSettings, table: RouteTable) -> Upstreams:
    pool = msgspec.convert(settings, PoolLimits, from_attributes=True)
    health = msgspec.convert(settings, HealthLimits, from_attributes=True)
    return Upstreams(table.routes, pool, health, dns_ttl=settings.dns_ttl, tls=_upstream_tls)


def _upstream_tls(tls: UpstreamTls) -> ssl.SSLContext:
    """Return the TLS of some upstreams; raises GatewayError for files that cannot be used any more."""
    try:
        return client_context(tls.ca_file, tls.cert_file, tls.key_file)
    except OSError as error:
        files = ", ".join(file for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
        raise GatewayError(f"routes: tls: {files} cannot be used: {error.strerror or type(error).__name__}") from error


def _traced(settings: TelemetrySettings, process: Process, resolver: Resolver) -> Sessions:
    """Return what resolves sessions, with a span for each call where there are spans."""
    tracing = process.tracing_for(settings)
    if tracing is None:
        return Sessions(resolver.resolve, resolver.remembered)
    return Sessions(tracing.trace_resolve(resolver.resolve), tracing.trace_remembered(resolver.remembered))


def _journal(settings: TelemetrySettings, process: Process) -> Journal:
    sinks: list[RecordSink] = [process.forwarding_metrics.ended]
    if settings.access_log:
        encode = ConsoleLines(colour=sys.stdout.isatty()) if settings.format == "console" else None
        access_log = AccessLog(
            process.lines,
            process.flush_soon,
            process.timestamps,
            encode=encode,
            sample_allowed=settings.sample_allowed,
            chance=random.random,
        )
        sinks.append(access_log.write)
    random_hex, tracing = process.random_hex, process.tracing_for(settings)
    if tracing is not None:
        sinks.append(tracing.make_spans)
    traces = Traces(random_hex) if tracing is None else tracing.traces
    return Journal(RequestIds(random_hex), traces, process.metrics, sinks, process.now)
