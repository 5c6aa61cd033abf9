"""The front and the forwarding room, joined by an endpoint that allows everything: for tests of what is carried."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from gateway.endpoints.refusals import refusal_response
from gateway.front.server import GatewayServer
from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.http1.navigation import begins_navigation
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response
from gateway.model.errors import MalformedError
from gateway.model.host import parse_host
from gateway.model.refusal import Refusal
from gateway.model.route import Match, Route, UpstreamAddress
from gateway.model.target import parse_target
from gateway.resilience.shares import STREAMS_PER_ADDRESS
from gateway.telemetry.record import RequestRecord
from gateway.upstream.balancer import HealthLimits
from gateway.upstream.http_forwarder import HttpForwarder
from gateway.upstream.late_bodies import CallerLimits
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.pool import PoolLimits
from gateway.upstream.request_head import RequestHeads, Stripped
from gateway.upstream.upstreams import Upstreams
from gateway.wiring.clock import wall_clock

_FRONT, _POOL, _HEALTH, _STRIPPED, _CALLERS = FrontLimits(), PoolLimits(), HealthLimits(), Stripped(), CallerLimits()

Decide = Callable[[AccessRequest, Route], Decision]


def route_to(*ports: int, **options: object) -> Route:
    """A route for everything, to upstreams on loopback."""
    addresses = tuple(UpstreamAddress("http", "127.0.0.1", port) for port in ports)
    return Route(**{"name": "all", "match": Match("/"), "upstream": addresses, **options})  # type: ignore[arg-type]


def allow(access: AccessRequest, route: Route) -> Decision:
    return Decision(access=access, route=route)


@dataclass
class Carrying:
    """A running front. `records` are those of the finished requests, in the order of their end."""

    port: int
    server: GatewayServer
    forwarder: HttpForwarder
    upstreams: Upstreams
    streams: OpenStreams
    records: list[RequestRecord] = field(default_factory=list)
    recorded: asyncio.Event = field(default_factory=asyncio.Event)

    keep_records: bool = True

    def look(self, times: int = 1) -> None:
        """Look at what lasts, as is done once a second."""
        for _ in range(times):
            self.forwarder._long.look()

    def note(self, record: RequestRecord) -> None:
        if self.keep_records:
            self.records.append(record)
            self.recorded.set()

    async def record(self, position: int = 0) -> RequestRecord:
        """Wait for the record of a finished request."""
        async with asyncio.timeout(10):
            while len(self.records) <= position:
                self.recorded.clear()
                await self.recorded.wait()
        return self.records[position]


class AllowAll:
    """A handler that reads, decides with `decide`, and forwards."""

    def __init__(self, route: Route, forwarder: HttpForwarder, decide: Decide, added: HeaderPairs) -> None:
        self._route = route
        self._forwarder = forwarder
        self._decide = decide
        self._added = b"".join(b"%b: %b\r\n" % field for field in added)
        self._ids = itertools.count(1)
        self.carrying: Carrying | None = None

    def serve(self, request: DownstreamRequest) -> Serving:
        record = request.record = RequestRecord(f"req-{next(self._ids)}", monotonic())
        head = request.head
        headers = head.block.headers
        try:
            access = AccessRequest(
                head.method,
                "http",
                parse_host(headers.all(b"host"), "http"),
                parse_target(head.target),
                headers,
                "127.0.0.1",
                "127.0.0.1",
                0.0,
                record.request_id,
            )
        except MalformedError as malformed:
            return refusal_response(malformed.refusal, record.request_id)
        record.decision = self._decide(access, self._route)

        def worded(refusal: Refusal) -> Response:
            return refusal_response(refusal, record.request_id)

        def refused(_request: DownstreamRequest, _decision: Decision, refusal: Refusal) -> None:
            request.complete(worded(refusal))

        async def wait(begun: Coroutine[Any, Any, Refusal | None]) -> Response | None:
            refusal = await begun
            return None if refusal is None else worded(refusal)

        begun = self._forwarder.forward(request, record.decision, self._added, record, refused)
        if begun is None:
            return None
        return worded(begun) if isinstance(begun, Refusal) else wait(begun)

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        record = request.record
        assert self.carrying is not None
        assert record is not None
        if answer is None:
            record.fault = record.fault or "client gone"
        self.carrying.note(record)

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:
        del peer
        return refusal_response(refusal, "front", page=begins_navigation(seen))


@contextlib.asynccontextmanager
async def carrying(
    route: Route,
    *,
    limits: FrontLimits = _FRONT,
    pool: PoolLimits = _POOL,
    health: HealthLimits = _HEALTH,
    stripped: Stripped = _STRIPPED,
    decide: Decide = allow,
    added: HeaderPairs = (),
    clock: Callable[[], float] = lambda: 0.0,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    port: int = 0,
    keep_records: bool = True,
    callers: CallerLimits = _CALLERS,
    streams_per_address: int = STREAMS_PER_ADDRESS,
) -> AsyncIterator[Carrying]:
    """Run a front on a free port until the end."""
    streams = OpenStreams(clock, per_address=streams_per_address)
    upstreams = Upstreams([route], pool, health, dns_ttl=30.0, tls=lambda _: tls())
    forwarder = HttpForwarder(upstreams, RequestHeads(stripped), streams, callers=callers)
    handler = AllowAll(route, forwarder, decide, added)
    server = GatewayServer(handler, limits, wall_clock)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
    handler.carrying = Carrying(listener.sockets[0].getsockname()[1], server, forwarder, upstreams, streams)
    handler.carrying.keep_records = keep_records
    try:
        yield handler.carrying
    finally:
        listener.close()
        await server.close(0.0)
        await forwarder.close()
