"""Upstreams that fail, and what the caller is told."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from gateway.front.serving import FrontLimits
from gateway.model.route import Timeouts, UpstreamAddress
from gateway.upstream.balancer import HealthLimits
from gateway.upstream.pool import PoolLimits
from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import OK, UpstreamSide, answer_each, recording_upstream

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"


async def say_nothing(side: UpstreamSide) -> None:
    await side.request()
    await side.closed()


async def test_an_upstream_that_cannot_be_reached_is_502() -> None:
    async with carrying(route_to(free_port())) as front:
        found = await exchange(front.port, GET)
        assert (found.status, found.json()["error"]["code"]) == (502, "bad_gateway")
        assert (await front.record()).fault == "connect refused"


async def test_a_name_that_does_not_resolve_is_502() -> None:
    async with carrying(route_to(upstream=(UpstreamAddress("http", "nowhere.invalid", 80),))) as front:
        assert (await exchange(front.port, GET)).status == 502
        assert (await front.record()).fault == "name not resolved"


async def test_a_name_is_resolved() -> None:
    async with recording_upstream() as upstream:
        address = UpstreamAddress("http", "localhost", upstream.port)
        async with carrying(route_to(upstream=(address,))) as front:
            assert (await exchange(front.port, GET)).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000,
    ],
)
async def test_an_answer_that_cannot_be_understood_is_502(answer: bytes) -> None:
    async def nonsense(side: UpstreamSide) -> None:
        await side.request()
        await side.send(answer)
        await side.closed()

    async with recording_upstream(nonsense) as upstream, carrying(route_to(upstream.port)) as front:
        found = await exchange(front.port, GET)
        assert (found.status, found.one(b"content-type")) == (502, b"application/json")
        assert (await front.record()).fault == "bad response"
        assert len(upstream.requests) == 1


async def test_an_upstream_that_closes_without_an_answer_is_502() -> None:
    async def close(side: UpstreamSide) -> None:
        await side.request()

    async with recording_upstream(close) as upstream, carrying(route_to(upstream.port)) as front:
        assert (await exchange(front.port, GET)).status == 502
        assert (await front.record()).fault == "connection lost"
        assert len(upstream.requests) == 1  # a fresh connection: the upstream may have acted on it


async def test_an_upstream_that_does_not_answer_in_time_is_504() -> None:
    async with (
        recording_upstream(say_nothing) as upstream,
        carrying(route_to(upstream.port, timeouts=Timeouts(response=0.05))) as front,
    ):
        found = await exchange(front.port, GET)
        assert (found.status, found.json()["error"]["code"]) == (504, "upstream_timeout")
        assert (await front.record()).fault == "response timeout"


async def test_an_exchange_has_a_total_time() -> None:
    async def drip(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not side.writer.is_closing():
            await side.send(b"1\r\n.\r\n")
            await asyncio.sleep(0.01)

    async with (
        recording_upstream(drip) as upstream,
        carrying(route_to(upstream.port, timeouts=Timeouts(total=0.1))) as front,
    ):
        with pytest.raises(asyncio.IncompleteReadError):
            await exchange(front.port, GET)
        assert (await front.record()).fault == "total timeout"


async def test_an_answer_that_stops_half_way_is_cut_off() -> None:
    async def stop(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await side.closed()

    async with (
        recording_upstream(stop) as upstream,
        carrying(route_to(upstream.port, timeouts=Timeouts(idle=0.05))) as front,
    ):
        with pytest.raises(asyncio.IncompleteReadError):
            await exchange(front.port, GET)
        assert (await front.record()).fault == "idle timeout"


async def test_a_caller_that_never_reads_does_not_hold_its_upstream_for_ever() -> None:
    async def flood(side: UpstreamSide) -> None:
        await side.request()
        await side.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not side.writer.is_closing():
            await side.send(b"x" * 65536)

    async with (
        recording_upstream(flood) as upstream,
        carrying(route_to(upstream.port), limits=FrontLimits(body_stall=0.1)) as front,
        raw_client(front.port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(GET)
        assert (await front.record()).fault == "client stalled"


async def serve_two_then_close(side: UpstreamSide) -> None:
    """Answer the first request of a connection, take the second and close without a word."""
    if await side.request() is not None:
        await side.send(OK)
        await side.request()


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
async def test_a_request_without_a_body_is_sent_again_when_a_kept_connection_was_dead(method: bytes) -> None:
    async with recording_upstream(serve_two_then_close) as upstream, carrying(route_to(upstream.port)) as front:
        await exchange(front.port, GET)
        found = await exchange(front.port, method + b" /again HTTP/1.1\r\nHost: h\r\n\r\n", head=method == b"HEAD")
        assert found.status == 200
        assert [request.target for request in upstream.requests] == [b"/", b"/again", b"/again"]
        assert (await front.record(1)).retried


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"DELETE"])
async def test_a_request_that_changes_things_is_never_sent_twice(method: bytes) -> None:
    async with recording_upstream(serve_two_then_close) as upstream, carrying(route_to(upstream.port)) as front:
        await exchange(front.port, GET)
        found = await exchange(front.port, method + b" /once HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        assert found.status == 502
        assert [request.target for request in upstream.requests] == [b"/", b"/once"]


async def test_a_get_with_a_body_is_never_sent_twice() -> None:
    async with recording_upstream(serve_two_then_close) as upstream, carrying(route_to(upstream.port)) as front:
        await exchange(front.port, GET)
        found = await exchange(front.port, b"GET /once HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
        assert found.status == 502
        assert [request.target for request in upstream.requests] == [b"/", b"/once"]


async def test_a_request_goes_elsewhere_when_it_cannot_connect() -> None:
    async with recording_upstream() as upstream:
        async with carrying(route_to(free_port(), upstream.port)) as front:
            for _ in range(4):
                assert (await exchange(front.port, POST)).status == 200
        assert [request.body for request in upstream.requests] == [b"abc"] * 4


async def test_an_upstream_that_cannot_be_reached_is_left_out_and_probed_back() -> None:
    dead = free_port()
    async with recording_upstream() as upstream:
        route = route_to(dead, upstream.port)
        async with carrying(route, health=HealthLimits(failures=1, eject=0.05)) as front:
            await exchange(front.port, GET)
            await exchange(front.port, GET)
            numbers = {one.upstream: one for one in front.upstreams.numbers()}
            assert numbers[f"http://127.0.0.1:{dead}"].ejections == 1
            async with recording_upstream(port=dead) as risen:
                async with asyncio.timeout(5):
                    while not risen.requests:
                        assert (await exchange(front.port, GET)).status == 200


async def test_upstreams_take_turns_whether_their_connections_are_new_or_kept() -> None:
    async with (
        recording_upstream() as first,
        recording_upstream() as second,
        carrying(route_to(first.port, second.port)) as front,
    ):
        for requests in (1, 2, 3):
            for _ in range(2):
                assert (await exchange(front.port, GET)).status == 200
            assert (len(first.requests), len(second.requests)) == (requests, requests)


async def test_the_least_busy_upstream_is_chosen() -> None:
    async with (
        recording_upstream(say_nothing) as first,
        recording_upstream(say_nothing) as second,
        carrying(route_to(first.port, second.port)) as front,
    ):
        async with raw_client(front.port) as one, raw_client(front.port) as two:
            await one.send(GET)
            await two.send(GET)
            await first.arrived.wait()
            await second.arrived.wait()
        assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_connections_are_bounded_and_a_request_waits_for_one() -> None:
    answered = asyncio.Event()

    async def hold_the_first(side: UpstreamSide) -> None:
        while await side.request() is not None:
            if len(side.upstream.requests) == 1:
                await answered.wait()
            await side.send(OK)

    async with recording_upstream(hold_the_first) as upstream:
        limits = PoolLimits(connections=1, queue_timeout=10)
        async with (
            carrying(route_to(upstream.port), pool=limits) as front,
            raw_client(front.port) as one,
            raw_client(front.port) as two,
        ):
            await one.send(GET)
            await upstream.arrived.wait()
            await two.send(GET)
            async with asyncio.timeout(5):
                while not any(number.waiting for number in front.upstreams.numbers()):  # noqa: ASYNC110 - a pool tells nobody that it is waited for
                    await asyncio.sleep(0)
            answered.set()
            assert (await one.response()).status == 200
            assert (await two.response()).status == 200
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (PoolLimits(connections=1, queue=0), "queue full"),
        (PoolLimits(connections=1, queue_timeout=0.02), "queue timeout"),
    ],
)
async def test_a_full_pool_is_503_with_retry_after(limits: PoolLimits, fault: str) -> None:
    async with (
        recording_upstream(say_nothing) as upstream,
        carrying(route_to(upstream.port), pool=limits) as front,
        raw_client(front.port) as client,
    ):
        await client.send(GET)
        await upstream.arrived.wait()
        found = await exchange(front.port, GET)
        assert (found.status, found.one(b"retry-after")) == (503, b"1")
        assert (await front.record()).fault == fault


async def test_a_kept_connection_is_closed_after_its_time() -> None:
    gone = asyncio.Event()

    async def watch(side: UpstreamSide) -> None:
        await answer_each(side)
        gone.set()

    async with recording_upstream(watch) as upstream:
        async with carrying(route_to(upstream.port), pool=PoolLimits(keep_alive=0.02)) as front:
            await exchange(front.port, GET)
            async with asyncio.timeout(5):
                await gone.wait()
            assert (await exchange(front.port, GET)).status == 200
        assert upstream.connections == 2


async def test_a_connection_that_is_too_old_is_not_kept() -> None:
    async with recording_upstream() as upstream:
        async with carrying(route_to(upstream.port), pool=PoolLimits(max_age=-1.0)) as front:
            await exchange(front.port, GET)
            await exchange(front.port, GET)
        assert upstream.connections == 2


async def test_what_an_idle_connection_says_is_never_anybodys_answer() -> None:
    said = asyncio.Event()

    async def speak_unasked(side: UpstreamSide) -> None:
        await side.request()
        await side.send(OK)
        if side.upstream.connections == 1:
            await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            await side.closed()
            said.set()

    async with recording_upstream(speak_unasked) as upstream, carrying(route_to(upstream.port)) as front:
        assert (await exchange(front.port, GET)).body == b"ok"
        async with asyncio.timeout(5):
            await said.wait()
        assert (await exchange(front.port, GET)).body == b"ok"
        assert upstream.connections == 2


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA, client: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if client is not None:
        client.configure_cert(context)
    return context


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_an_upstream_is_spoken_to_over_tls(authority: trustme.CA) -> None:
    async with recording_upstream(ssl=serving(authority, "localhost")) as upstream:
        address = UpstreamAddress("https", "localhost", upstream.port)
        async with carrying(route_to(upstream=(address,)), tls=lambda: trusting(authority)) as front:
            for _ in range(2):
                assert (await exchange(front.port, POST)).status == 200
        assert upstream.connections == 1


async def test_a_client_certificate_is_shown_to_an_upstream_that_asks(authority: trustme.CA) -> None:
    context = serving(authority, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = authority.issue_cert("gateway.test")
    async with recording_upstream(ssl=context) as upstream:
        address = UpstreamAddress("https", "localhost", upstream.port)
        async with carrying(route_to(upstream=(address,)), tls=lambda: trusting(authority, mine)) as front:
            assert (await exchange(front.port, GET)).status == 200


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_of_somebody_else_is_502(authority: trustme.CA, *, trusted: bool) -> None:
    context = serving(authority, "somebody.else" if trusted else "localhost")
    async with recording_upstream(ssl=context) as upstream:
        address = UpstreamAddress("https", "localhost", upstream.port)
        tls = trusting(authority if trusted else trustme.CA())
        async with carrying(route_to(upstream=(address,)), tls=lambda: tls) as front:
            assert (await exchange(front.port, GET)).status == 502
            assert (await front.record()).fault == "tls failed"
        assert not upstream.requests
