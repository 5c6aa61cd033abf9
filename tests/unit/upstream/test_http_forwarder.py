from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.front.body import CallerBody
from gateway.http1.downstream import DownstreamRequest, Forwarded
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import UpstreamAddress
from gateway.telemetry.record import RequestRecord
from gateway.upstream.balancer import HealthLimits
from gateway.upstream.http_forwarder import HttpForwarder, _Leaving
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.pool import PoolLimits
from gateway.upstream.request_head import RequestHeads, Stripped
from gateway.upstream.upstreams import Upstreams
from tests.support.builders.carriages import downstream_request, request_body
from tests.support.builders.requests import access_request
from tests.support.builders.routes import no_tls
from tests.support.clients.raw_http import PATIENCE, raw_client
from tests.support.fakes.fake_transport import FakeClient
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import OK, RecordingUpstream, UpstreamSide, recording_upstream

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
async def upstream() -> AsyncIterator[RecordingUpstream]:
    async with recording_upstream() as found:
        yield found


class Forwarding:
    """A forwarder to one upstream, and what it makes of requests."""

    def __init__(self, port: int, **route: object) -> None:
        self.route = route_to(port, **route)
        self.upstreams = Upstreams([self.route], PoolLimits(), HealthLimits(), dns_ttl=1.0, tls=no_tls)
        streams = OpenStreams(lambda: 0.0)
        self.forwarder = HttpForwarder(self.upstreams, RequestHeads(Stripped()), streams, lambda: 5.0)
        self.record = RequestRecord("r", 0.0, traceparent=b"00-trace")
        self.client = FakeClient()

    def begin(
        self, outcome: asyncio.Future[Forwarded | Refusal], method: str = "GET", body: CallerBody | None = None
    ) -> object:
        decision = Decision(access=access_request(method), route=self.route, identity=((b"X-User-Id", b"u"),))
        request: DownstreamRequest = downstream_request(method, body=body, connection=self.client)
        self.client.answered = outcome
        return self.forwarder.forward(
            request,
            decision,
            b"X-Forwarded-For: c\r\n",
            self.record,
            lambda _request, _decision, refusal: outcome.set_result(refusal),
        )

    async def forward(self, method: str = "GET", body: CallerBody | None = None) -> Forwarded | Refusal:
        outcome: asyncio.Future[Forwarded | Refusal] = asyncio.get_running_loop().create_future()
        begun = self.begin(outcome, method, body)
        if asyncio.iscoroutine(begun):
            begun = await begun
        async with asyncio.timeout(PATIENCE):
            return begun if isinstance(begun, Refusal) else await outcome


async def test_a_carried_request_fills_its_record(upstream: RecordingUpstream) -> None:
    forwarding = Forwarding(upstream.port)
    carried = await forwarding.forward()
    assert isinstance(carried, Forwarded)
    assert (carried.status, carried.keep_alive) == (200, True)
    assert forwarding.client.fake.written == upstream.answer
    assert upstream.requests[0].headers[1:] == (
        (b"X-Forwarded-For", b"c"),
        (b"X-Request-Id", b"r"),
        (b"traceparent", b"00-trace"),
        (b"X-User-Id", b"u"),
    )
    record = forwarding.record
    assert (record.status, record.upstream_status, record.bytes_out, record.fault) == (200, 200, 2, "")
    assert (record.upstream, record.upstream_began, record.upstream_first_byte) == (
        f"http://127.0.0.1:{upstream.port}", 5.0, 5.0,
    )  # fmt: skip
    assert forwarding.client.watcher is None
    await forwarding.forwarder.close()


async def test_a_fault_is_told_as_a_refusal(upstream: RecordingUpstream) -> None:
    upstream.answer = b"nonsense\r\n\r\n"
    forwarding = Forwarding(upstream.port)
    refusal = await forwarding.forward()
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.BAD_GATEWAY
    assert forwarding.record.fault == "bad response"
    assert forwarding.client.fake.written == b""
    await forwarding.forwarder.close()


async def test_an_upstream_that_cannot_be_reached_is_told_as_a_refusal() -> None:
    async with recording_upstream() as gone:
        port = gone.port
    forwarding = Forwarding(port)
    refusal = await forwarding.forward()
    assert isinstance(refusal, Refusal)
    assert (refusal.code, forwarding.record.fault) == (RefusalCode.BAD_GATEWAY, "connect refused")
    await forwarding.forwarder.close()


async def test_a_body_that_is_announced_as_too_large_reaches_no_upstream(upstream: RecordingUpstream) -> None:
    forwarding = Forwarding(upstream.port, body_bytes=2)
    refusal = await forwarding.forward("POST", request_body(forwarding.client, length=3))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, forwarding.record.fault) == (RefusalCode.TOO_LARGE, "request body too large")
    assert upstream.connections == 0
    await forwarding.forwarder.close()


async def test_a_fault_of_ours_in_composing_a_head_costs_no_connection(
    upstream: RecordingUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarding = Forwarding(upstream.port)
    assert isinstance(await forwarding.forward(), Forwarded)

    def fail(*_: object) -> bytes:
        raise RuntimeError("ours")

    with monkeypatch.context() as broken:
        broken.setattr(RequestHeads, "compose", fail)
        with pytest.raises(RuntimeError):
            await forwarding.forward()
    (numbers,) = forwarding.upstreams.numbers()
    assert (numbers.open, numbers.idle, numbers.outstanding) == (1, 1, 0)
    assert isinstance(await forwarding.forward(), Forwarded)
    assert upstream.connections == 1
    await forwarding.forwarder.close()


async def test_a_connection_is_used_again_and_then_nothing_is_waited_for(upstream: RecordingUpstream) -> None:
    forwarding = Forwarding(upstream.port)
    assert isinstance(await forwarding.forward(), Forwarded)
    before = len(asyncio.all_tasks())
    for _ in range(2):
        outcome: asyncio.Future[Forwarded | Refusal] = asyncio.get_running_loop().create_future()
        assert forwarding.begin(outcome) is None
        assert len(asyncio.all_tasks()) == before
        assert isinstance(await outcome, Forwarded)
    assert (upstream.connections, len(upstream.requests)) == (1, 3)
    await forwarding.forwarder.close()


async def close_after_each(side: UpstreamSide) -> None:
    """Answer one request, and close the connection when a second one comes."""
    await side.request()
    await side.send(OK)
    await side.request()


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("HEAD", True), ("PUT", False), ("DELETE", False)])
async def test_what_a_dead_connection_swallowed_is_sent_once_more_if_that_can_do_no_harm(
    method: str, repeated: bool
) -> None:
    async with recording_upstream(close_after_each) as upstream:
        forwarding = Forwarding(upstream.port)
        assert isinstance(await forwarding.forward(), Forwarded)
        outcome = await forwarding.forward(method)
        assert isinstance(outcome, Forwarded) == repeated
        assert (forwarding.record.retried, forwarding.record.fault) == (repeated, "" if repeated else "connection lost")
        assert upstream.connections == 1 + repeated
        await forwarding.forwarder.close()


# Callers that leave, through the front


@contextlib.asynccontextmanager
async def silent_upstream() -> AsyncIterator[tuple[RecordingUpstream, asyncio.Event]]:
    """Yield an upstream that answers `/warm` and nothing else, and what is set once a connection of it is reset."""
    reset = asyncio.Event()

    async def talk(side: UpstreamSide) -> None:
        while (await side.head()).target == b"/warm":
            await side.send(OK)
        await side.closed()
        reset.set()

    async with recording_upstream(talk) as upstream:
        yield upstream, reset


@pytest.mark.parametrize("warm", [True, False])
async def test_a_caller_that_leaves_while_an_exchange_is_under_way_resets_the_upstream(warm: bool) -> None:
    async with silent_upstream() as (upstream, reset), carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            if warm:
                await client.send(GET.replace(b" / ", b" /warm "))
                assert (await client.response()).status == 200
            upstream.arrived.clear()
            await client.send(GET)
            await upstream.arrived.wait()
            client.abort()
            async with asyncio.timeout(PATIENCE):
                await reset.wait()
        record = await front.record(int(warm))
        assert (record.fault, record.status) == ("client gone", 0)
        assert len(front.records) == 1 + warm
        assert next(iter(front.upstreams.numbers())).outstanding == 0


@pytest.mark.slow
async def test_a_caller_that_leaves_while_it_sends_resets_the_upstream() -> None:
    async with silent_upstream() as (upstream, reset), carrying(route_to(upstream.port)) as front:
        async with raw_client(front.port) as client:
            await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            await upstream.arrived.wait()
            client.abort()
            async with asyncio.timeout(PATIENCE):
                await reset.wait()
        assert (await front.record()).fault == "client gone"


async def test_a_caller_that_leaves_while_a_connection_is_made_is_not_waited_for() -> None:
    given_up = asyncio.Event()

    async def shake_no_hands(side: UpstreamSide) -> None:
        await side.reader.readexactly(1)
        side.upstream.arrived.set()
        await side.closed()
        given_up.set()

    async with recording_upstream(shake_no_hands) as upstream:
        route = route_to(upstream=(UpstreamAddress("https", "127.0.0.1", upstream.port),))
        async with carrying(route) as front, raw_client(front.port) as client:
            await client.send(GET)
            await upstream.arrived.wait()
            client.abort()
            async with asyncio.timeout(PATIENCE):
                await given_up.wait()
            record = await front.record()
            assert (record.fault, record.status, len(front.records)) == ("client gone", 0, 1)
            assert next(iter(front.upstreams.numbers())).open == 0


async def test_a_caller_that_leaves_while_the_second_try_waits_keeps_no_place() -> None:
    may_die = asyncio.Event()

    async def die_at_the_second(side: UpstreamSide) -> None:
        await side.request()
        await side.send(OK)
        await side.request()
        await may_die.wait()

    async with recording_upstream(die_at_the_second) as upstream:
        route = route_to(upstream.port)
        async with carrying(route, pool=PoolLimits(connections=1, queue_timeout=PATIENCE)) as front:
            pool = front.upstreams.of(route).upstreams[0].pool
            async with raw_client(front.port) as client:
                await client.send(GET)
                assert (await client.response()).status == 200
                upstream.arrived.clear()
                await client.send(GET)
                await upstream.arrived.wait()
                first_in_line = asyncio.gather(pool.borrow(PATIENCE))
                await asyncio.sleep(0)
                may_die.set()
                (connection,) = await first_in_line
                assert pool.waiting == 1
                client.abort()
                record = await front.record(1)
            assert (record.fault, record.retried, record.status) == ("client gone", True, 0)
            assert (pool.waiting, len(front.records)) == (0, 2)
            pool.give_back(connection)


class LeavesAtTheSecondTry(FakeClient):
    """Leaves as soon as it is watched by whoever tries a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.watchers = 0

    def watch(self, watcher: object) -> None:
        super().watch(watcher)
        self.watchers += watcher is not None
        if self.watchers == 3 and isinstance(watcher, _Leaving):
            watcher.client_gone()


async def test_a_caller_that_leaves_just_as_the_second_try_begins_is_noticed() -> None:
    async with recording_upstream(close_after_each) as upstream:
        forwarding = Forwarding(upstream.port)
        forwarding.client = LeavesAtTheSecondTry()
        assert isinstance(await forwarding.forward(), Forwarded)
        assert isinstance(await forwarding.forward(), Refusal)
        assert (forwarding.record.fault, upstream.connections) == ("client gone", 1)
        await forwarding.forwarder.close()
