"""The Forwarder over HTTP/1.1: borrow a connection, send, let the answer through, and say why when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead, compose_switch
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.refusal import Refusal
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.record import RequestRecord
from gateway.upstream.balancer import Loan, Upstreams
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.exchange import Exchange
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.forwarded import Forwarded
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.request_body import RequestBody
from gateway.upstream.request_head import RequestHeads
from gateway.upstream.tunnel import Tunnel

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that may be sent again after a reused connection turned out dead. Not PUT and DELETE, though idempotent:
the upstream may have carried them out, and a second DELETE is answered otherwise than the first."""


class HttpForwarder:
    """Carries requests to the upstreams of one generation. `streams` are open ones.

    `now` is the monotonic clock of the records.
    """

    def __init__(
        self, upstreams: Upstreams, heads: RequestHeads, streams: OpenStreams, now: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._upstreams = upstreams
        self._heads = heads
        self._streams = streams
        self._tasks = TaskKeeper()
        self._loop = asyncio.get_running_loop()

    async def forward(
        self, request: DownstreamRequest, decision: Decision, added: HeaderPairs, record: RequestRecord
    ) -> Forwarded | Refusal:
        """Carry it once, or twice where a reused connection proved dead and the request may be; see Forwarder."""
        try:
            carriage = ForwardContext(request, decision, added, record, self._streams, self._loop.time())
            record.upstream_began = self._now()
            group, connect_timeout = self._upstreams.of(carriage.route), carriage.route.timeouts.connect
            upstream = group.choose()
            loan = upstream.lend() or await group.borrow(upstream, connect_timeout)
            try:
                return await self._exchange(carriage, loan)
            except ExchangeError as error:
                if not _may_repeat(carriage, loan, error):
                    raise
            record.retried = True
            return await self._exchange(carriage, await group.borrow(loan.upstream, connect_timeout, fresh=True))
        except ExchangeError as error:
            record.fault = error.fault.value
            return error.refusal

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
        await self._upstreams.close()
        await self._tasks.aclose()

    async def _exchange(self, carriage: ForwardContext, loan: Loan) -> Forwarded:
        """Run one exchange on a borrowed connection, and give the connection back, whatever happens."""
        record, connection = carriage.record, loan.connection
        record.upstream = loan.upstream.label
        exchange = Exchange(carriage, connection, self._loop, self._now)
        pump: asyncio.Task[None] | None = None
        try:
            connection.begin(exchange, head_request=carriage.request.method == "HEAD", upgrading=carriage.upgrading)
            carriage.client.watch(exchange)
            pump = self._send(carriage, loan, exchange)
            await exchange.finished
            if exchange.switched_to is not None:
                await self._tunnel(carriage, connection, exchange, exchange.switched_to)
        except ExchangeError as error:
            if not exchange.begun:
                raise
            record.fault = error.fault.value
        finally:
            if pump is not None:
                pump.cancel()
            _settle(carriage, loan, exchange)
            if pump is not None:
                await asyncio.wait({pump})  # it reads the body, and so does the front next, to drop the rest
        return Forwarded(record.status, exchange.keep_alive)

    def _send(self, carriage: ForwardContext, loan: Loan, exchange: Exchange) -> asyncio.Task[None] | None:
        """Send the head, and the body if it is there; return the task that sends the rest, if there is one."""
        head = self._heads.compose(carriage, loan.upstream.address)
        body, connection = carriage.body, loan.connection
        if body.complete:
            connection.write(head)
        elif body.received:
            connection.write(head + body.whole())
        else:
            connection.write(head)
            exchange.invite(body.invitation())
            return self._tasks.start(_pump(body, connection, exchange), "request body")
        exchange.sent()
        return None

    async def _tunnel(
        self, carriage: ForwardContext, connection: UpstreamConnection, exchange: Exchange, switched: ResponseHead
    ) -> None:
        """Be a tunnel until either side, or the end of the session, ends it."""
        record = carriage.record
        record.upgraded = True
        record.status = record.upstream_status = switched.status
        exchange.begun = True
        tunnel = Tunnel(carriage.client, connection, carriage.route.timeouts.idle, record)
        carriage.stream = self._streams.add("tunnel", carriage.decision, tunnel.end)
        await tunnel.run(compose_switch(switched, b"websocket", carriage.decision.caller_headers), exchange.rest)


async def _pump(body: RequestBody, connection: UpstreamConnection, exchange: Exchange) -> None:
    """Carry a body piece by piece, no faster than the upstream takes it; a fault on the way ends the exchange."""
    try:
        exchange.wait_for_caller()
        while data := await body.read():
            connection.write(data)
            if connection.writing_paused:
                exchange.wait_for_upstream()
                await connection.drain()
                exchange.wait_for_caller()
        connection.write(body.end())
        exchange.sent()
    except ExchangeError as error:
        exchange.abandon(error)


def _settle(carriage: ForwardContext, loan: Loan, exchange: Exchange) -> None:
    carriage.client.watch(None)
    if carriage.stream is not None:
        carriage.streams.remove(carriage.stream)
        carriage.stream = None
    if not carriage.body.complete:
        loan.connection.reusable = False
    exchange.settle()
    loan.give_back()


def _may_repeat(carriage: ForwardContext, loan: Loan, error: ExchangeError) -> bool:
    """Tell whether a failed request may be sent once more: its connection was reused, and died without a word."""
    silent = loan.connection.used and not loan.connection.heard
    bodiless = carriage.body.complete and not carriage.body.begun
    return error.fault is Fault.LOST and silent and bodiless and carriage.request.method in _REPEATABLE
