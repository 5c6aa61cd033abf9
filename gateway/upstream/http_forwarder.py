"""The Forwarder over HTTP/1.1: borrow a connection, send, let the answer through, and say why when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from gateway.http1.downstream import DownstreamRequest, Forwarded
from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import ResponseHead, compose_switch
from gateway.model.decision import Decision
from gateway.model.method import IDEMPOTENT, SAFE
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import Retry
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.record import RequestRecord
from gateway.upstream.balancer import Loan, Upstream
from gateway.upstream.exchange import Exchange
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.forwarder import Refused
from gateway.upstream.late_bodies import CallerLimits, LateBodies
from gateway.upstream.long_exchanges import LongExchanges
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.request_body import RequestBody
from gateway.upstream.request_head import RequestHeads
from gateway.upstream.sticky import caller_of
from gateway.upstream.tunnel import Tunnel
from gateway.upstream.upstreams import Upstreams

_CALLERS = CallerLimits()

_REPEATABLE = {Retry.SAFE: SAFE, Retry.IDEMPOTENT: IDEMPOTENT}
"""What may be sent again after a reused connection turned out dead. PUT and DELETE only where the route says so: the
upstream may have carried them out, and a second DELETE is answered otherwise than the first."""


class HttpForwarder:
    """Carries requests to the upstreams of one generation, and owns their exchanges. `streams` are open ones.

    `now` is the monotonic clock of the records, `callers` what they may keep others waiting with.
    """

    def __init__(
        self,
        upstreams: Upstreams,
        heads: RequestHeads,
        streams: OpenStreams,
        now: Callable[[], float] = monotonic,
        callers: CallerLimits = _CALLERS,
    ) -> None:
        self.now = now
        self.loop_time = asyncio.get_running_loop().time
        self._late_bodies = LateBodies(callers, self.loop_time)
        self._long = LongExchanges(upstreams.pools(), callers.least_rate, callers.is_many)
        self._upstreams = upstreams
        self._heads = heads
        self._streams = streams
        self._tasks = TaskKeeper()

    def forward(
        self, request: DownstreamRequest, decision: Decision, added: bytes, record: RequestRecord, refused: Refused
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        """Begin to carry it, at once where a connection waits for it; see Forwarder."""
        try:
            context = ForwardContext(request, decision, added, record, self._streams, refused)
            if context.upgrading:
                self._streams.require_room(decision)
        except ExchangeError as error:
            record.fault = error.fault.value
            return error.refusal
        total = context.route.timeouts.total
        if total:
            context.ends_at = self.loop_time() + total
        record.upstream_began = self.now()
        body = context.body
        if body is not None and not body.is_there:
            return self._when_there(context, body)
        upstream = self._choose(context)
        record.upstream = upstream.label
        loan = upstream.lend()
        if loan is None:
            return self._connect(context, upstream)
        self._begin(context, loan)
        return None

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
        self._long.close()
        await self._upstreams.close()
        await self._tasks.aclose()

    # What an exchange calls

    def ended(self, exchange: Exchange, error: ExchangeError | None) -> None:
        """Give the connection back, and tell the caller's side what came of it."""
        context = exchange.context
        may_repeat = error is not None and _may_repeat(exchange, error)
        self._settle(exchange)
        if error is None:
            context.request.complete(Forwarded(context.record.status, exchange.keep_alive))
        elif may_repeat:
            context.record.retried = True
            self._repeat(context, exchange.loan.upstream)
        else:
            context.record.fault = error.fault.value
            if exchange.begun:
                context.request.complete(Forwarded(context.record.status, keep_alive=False))
            else:
                context.refuse(error.refusal)

    def switched(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Be a tunnel until either side, or the end of the session, ends it."""
        context = exchange.context
        record = context.record
        record.upgraded = True
        record.status = record.upstream_status = head.status
        tunnel = Tunnel(context.client, exchange.loan.connection, context.route.timeouts.idle, record)
        if context.stream is not None:
            self._streams.remove(context.stream)
        exchange.loan.leave_pool()
        context.stream = self._streams.add("tunnel", context.decision, tunnel.end)
        switch = compose_switch(head, b"websocket", context.decision.caller_headers)

        def over() -> None:
            self._settle(exchange)
            context.request.complete(Forwarded(record.status, keep_alive=False))

        tunnel.open(switch, rest, over)

    async def _when_there(self, context: ForwardContext, body: RequestBody) -> Refusal | None:
        """Wait for the body, then for a connection; one that takes too long over it gives its place to others."""
        begun = False
        try:
            in_time = await self._late_bodies.arrive(context, body)
            upstream = self._choose(context)
            context.record.upstream = upstream.label
            refusal = await self._connect(context, upstream, yields=not in_time)
            begun = refusal is None
        except ExchangeError as error:
            context.record.fault = error.fault.value
            refusal = error.refusal
        finally:
            if not begun:
                self._late_bodies.leave(context)
        return refusal

    async def _connect(
        self, context: ForwardContext, upstream: Upstream, *, fresh: bool = False, yields: bool = False
    ) -> Refusal | None:
        """Wait for a connection, and begin; return why there is none."""
        group = self._upstreams.of(context.route)
        try:
            client = context.decision.access.client
            loan = await group.borrow(upstream, context.route.timeouts.connect, client, fresh=fresh, yields=yields)
        except ExchangeError as error:
            context.record.fault = error.fault.value
            return error.refusal
        self._begin(context, loan, slow=yields)
        return None

    def _repeat(self, context: ForwardContext, upstream: Upstream) -> None:
        """Send once more what a dead connection swallowed, over a new one, while the caller waits for that."""

        def ended(task: asyncio.Task[Refusal | None]) -> None:
            if task.cancelled():
                error = ExchangeError(Fault.CLIENT_GONE)
                context.record.fault = error.fault.value
                refusal: Refusal | None = error.refusal
            elif task.exception() is not None:
                refusal = Refusal(RefusalCode.INTERNAL)
            else:
                refusal = task.result()
            if refusal is not None:
                context.client.watch(None)
                context.refuse(refusal)

        task = self._tasks.start(self._connect(context, upstream, fresh=True), "second try")
        task.add_done_callback(ended)
        context.client.watch(_Leaving(task.cancel))

    def _choose(self, context: ForwardContext) -> Upstream:
        """Return the least busy upstream of the route, or the caller's own where callers stay with one."""
        group = self._upstreams.of(context.route)
        caller = "" if context.route.sticky is None else caller_of(context)
        return group.choose_for(caller) if caller else group.choose()

    def _begin(self, context: ForwardContext, loan: Loan, *, slow: bool = False) -> None:
        context.record.upstream = loan.upstream.label
        try:
            head = self._heads.compose(context, loan.upstream.address)
        except BaseException:
            loan.give_back()  # a fault of ours must not cost a place in the pool
            raise
        exchange = Exchange(context, loan, self)
        if slow:
            exchange.slow = True
            loan.upstream.pool.yielding.append(exchange)
        exchange.send(head)

    def _settle(self, exchange: Exchange) -> None:
        context, loan = exchange.context, exchange.loan
        if context.stream is not None:
            context.streams.remove(context.stream)
            context.stream = None
        body = context.body
        if body is not None:
            self._late_bodies.leave(context)
            body.stop()
            if not body.complete:
                loan.connection.reusable = False
        loan.give_back()


class _Leaving:
    """The FlowWatcher of a caller who waits for a connection: all that counts is whether it is still there."""

    def __init__(self, leave: Callable[[], object]) -> None:
        self._leave = leave

    def client_paused(self) -> None:
        """Nothing is written yet."""

    def client_resumed(self) -> None:
        """Nothing is written yet."""

    def client_gone(self) -> None:
        """Wait no longer."""
        self._leave()


def _may_repeat(exchange: Exchange, error: ExchangeError) -> bool:
    """Tell whether a failed request may be sent once more: its connection was reused, and died without a word."""
    context, connection = exchange.context, exchange.loan.connection
    silent = connection.used and not connection.heard
    if error.fault is not Fault.LOST or not silent or context.body is not None or context.record.retried:
        return False
    return context.request.head.method in _REPEATABLE[context.route.retry]
