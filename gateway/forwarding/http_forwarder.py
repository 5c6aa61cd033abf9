"""The Forwarder over HTTP/1.1: borrow a connection, send, let the answer through, and say why when it failed."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec
from aiohttp import web

from gateway.forwarding.carried import CarriedResponse
from gateway.forwarding.exchange import Caller, Exchange
from gateway.forwarding.faults import ExchangeError, Fault
from gateway.forwarding.framing import is_upgrade
from gateway.forwarding.open_streams import OpenStream, OpenStreams
from gateway.forwarding.peers import ClientConnection
from gateway.forwarding.request_body import RequestBody
from gateway.forwarding.request_head import RequestHeads, target_of
from gateway.forwarding.response_head import compose_switch
from gateway.forwarding.tunnel import Tunnel
from gateway.forwarding.upstreams import Loan, Upstreams
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.refusal import Refusal
from gateway.model.route import Route
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.record import RequestRecord

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that may be sent again after a reused connection turned out dead. Not PUT and DELETE, though idempotent:
the upstream may have carried them out, and a second DELETE is answered otherwise than the first."""


class _Job(msgspec.Struct):
    """One request on its way."""

    request: web.BaseRequest
    decision: Decision
    route: Route
    added: HeaderPairs
    record: RequestRecord
    client: ClientConnection
    body: RequestBody
    upgrading: bool
    ends_at: float
    stream: OpenStream | None = None


class HttpForwarder:
    """Carries requests to the upstreams of one generation. `streams` are the process's open tunnels and event streams."""

    def __init__(self, upstreams: Upstreams, heads: RequestHeads, streams: OpenStreams) -> None:
        self._upstreams = upstreams
        self._heads = heads
        self._streams = streams
        self._tasks = TaskKeeper()
        self._loop = asyncio.get_running_loop()

    async def forward(
        self, request: web.BaseRequest, decision: Decision, added: HeaderPairs, record: RequestRecord
    ) -> web.StreamResponse | Refusal:
        """Carry the request; see Forwarder."""
        try:
            return await self._carry(self._job(request, decision, added, record))
        except ExchangeError as error:
            record.fault = error.fault.value
            return error.refusal

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
        await self._upstreams.close()
        await self._tasks.aclose()

    def _job(self, request: web.BaseRequest, decision: Decision, added: HeaderPairs, record: RequestRecord) -> _Job:
        route = decision.route
        assert route is not None
        access = decision.access
        total = route.timeouts.total
        return _Job(
            request,
            decision,
            route,
            added + decision.identity,
            record,
            cast("ClientConnection", request.protocol),
            RequestBody(request, access.headers, route.body_bytes, record),
            is_upgrade(access.headers),
            self._loop.time() + total if total else 0.0,
        )

    async def _carry(self, job: _Job) -> web.StreamResponse:
        """Carry it once, or twice where a reused connection proved dead and the request may be repeated."""
        group = self._upstreams.of(job.route)
        job.record.upstream_began = self._loop.time()
        loan = await group.borrow(job.route.timeouts.connect)
        try:
            return await self._exchange(job, loan)
        except ExchangeError as error:
            if not _may_repeat(job, loan, error):
                raise
        job.record.retried = True
        return await self._exchange(job, await group.borrow(job.route.timeouts.connect, fresh=loan.upstream))

    async def _exchange(self, job: _Job, loan: Loan) -> web.StreamResponse:
        """Run one exchange on a borrowed connection, and give the connection back, whatever happens."""
        exchange = self._prepare(job, loan)
        pump: asyncio.Task[None] | None = None
        try:
            pump = self._send(job, loan, exchange)
            await exchange.finished
            if exchange.switched_to is not None:
                await self._tunnel(job, loan, exchange)
        except ExchangeError as error:
            if not exchange.begun:
                raise
            job.record.fault = error.fault.value
        finally:
            if pump is not None:
                pump.cancel()
            self._settle(job, loan, exchange)
        return CarriedResponse(job.record.status, keep_alive=exchange.keep_alive)

    def _prepare(self, job: _Job, loan: Loan) -> Exchange:
        request, route = job.request, job.route
        job.record.upstream = loan.upstream.label
        caller = Caller(
            job.client,
            job.decision.caller_headers,
            http_1_0=request.version < (1, 1),
            keep_alive=request.keep_alive and not job.upgrading,
        )
        caller.closing = lambda: not job.body.received
        exchange = Exchange(self._loop, caller, route.timeouts, job.record, job.ends_at)
        exchange.event_stream = lambda: self._opened_event_stream(job, exchange)
        exchange.attach(loan.connection)
        loan.connection.begin(exchange, head_request=request.method == "HEAD", upgrading=job.upgrading)
        job.client.watch(exchange)
        return exchange

    def _send(self, job: _Job, loan: Loan, exchange: Exchange) -> asyncio.Task[None] | None:
        """Send the head, and the body if it is there; return the task that sends the rest, if there is one."""
        target = job.decision.access.target
        line = f"{job.request.method} {target_of(job.route, target.path, target.query)}".encode("ascii")
        head = self._heads.compose(
            job.route, loan.upstream.address, line, job.decision.access.headers, job.added, upgrading=job.upgrading
        )
        body, connection = job.body, loan.connection
        if body.complete:
            connection.write(head + body.framing)
        elif body.received:
            connection.write(head + body.framing + body.whole())
        else:
            connection.write(head + body.framing)
            body.invite(exchange)
            return self._tasks.start(body.pump(connection, exchange, job.route.timeouts.idle), "request body")
        exchange.sent()
        return None

    async def _tunnel(self, job: _Job, loan: Loan, exchange: Exchange) -> None:
        """Be a tunnel until either side, or the end of the session, ends it."""
        assert exchange.switched_to is not None
        job.record.upgraded = True
        job.record.status = job.record.upstream_status = exchange.switched_to.status
        exchange.begun = True
        tunnel = Tunnel(job.client, loan.connection, job.route.timeouts.idle, job.record)

        def end(code: int) -> None:
            job.record.fault = Fault.ENDED.value
            tunnel.end(code)

        job.stream = self._streams.add("tunnel", job.decision, end)
        head = compose_switch(exchange.switched_to, b"websocket", job.decision.caller_headers)
        await tunnel.run(head, exchange.rest)

    def _opened_event_stream(self, job: _Job, exchange: Exchange) -> None:
        job.stream = self._streams.add(
            "event_stream", job.decision, lambda _code: exchange.abandon(ExchangeError(Fault.ENDED))
        )

    def _settle(self, job: _Job, loan: Loan, exchange: Exchange) -> None:
        job.client.watch(None)
        if job.stream is not None:
            self._streams.remove(job.stream)
            job.stream = None
        if not job.body.complete:
            loan.connection.reusable = False
        exchange.settle()
        loan.give_back()


def _may_repeat(job: _Job, loan: Loan, error: ExchangeError) -> bool:
    """Tell whether a failed request may be sent once more: its connection was reused, and died without a word."""
    reused = loan.connection.used and not loan.connection.heard
    bodiless = not job.body.begun and job.body.complete
    return error.fault is Fault.LOST and reused and bodiless and job.request.method in _REPEATABLE
