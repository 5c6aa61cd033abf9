from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.front.admission import MOST_REFUSED
from gateway.front.client_connection import ClientConnection
from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamRequest, Forwarded, Serving
from gateway.model.decision import Response
from tests.support.clients.raw_http import PATIENCE, exchange, raw_client
from tests.support.fakes.fake_transport import FakeTransport
from tests.support.servers.fronts import Handler, ListeningFront, listening

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def answer(_request: DownstreamRequest) -> Serving:
    return Response(200, body=b"ok")


async def test_each_connection_is_one_of_its_own() -> None:
    async with listening(Handler(answer)) as server:
        assert isinstance(server(), ClientConnection)
        assert server() is not server()


async def test_connections_are_counted_while_they_last() -> None:
    async with listening(Handler(answer)) as server:
        assert (await exchange(server.port, GET)).status == 200
        await server.lost()
        async with raw_client(server.port) as client:
            await client.send(GET)
            assert (await client.response()).status == 200
            assert len(server.connections) == 1
        await server.close(1.0)
        assert len(server.connections) == 0


async def test_one_connection_too_many_is_told_when_to_come_back_and_disturbs_nobody() -> None:
    async with listening(Handler(answer), FrontLimits(connections=1)) as server, raw_client(server.port) as first:
        await first.send(GET)
        assert (await first.response()).status == 200
        async with raw_client(server.port) as second:
            await second.send(GET)
            refused = await second.response()
            assert (refused.status, refused.one(b"retry-after")) == (503, b"1")
            assert await second.read_all() == b""
        await first.send(GET)
        assert (await first.response()).status == 200


async def test_those_that_are_told_so_are_few_and_all_others_are_broken_off() -> None:
    async with listening(Handler(answer), FrontLimits(connections=1)) as server:
        transports = list[FakeTransport]()
        for _ in range(MOST_REFUSED + 3):
            connection = server()
            transports.append(FakeTransport(connection))
            connection.connection_made(transports[-1])
        assert [each.aborted for each in transports] == [False] * (1 + MOST_REFUSED) + [True, True]
        assert {each.written[:12] for each in transports[1 : MOST_REFUSED + 1]} == {b"HTTP/1.1 503"}
        for each in transports[: MOST_REFUSED + 1]:
            each.close()
        assert not server.connections


def connected(server: ListeningFront, address: str) -> FakeTransport:
    connection = server()
    transport = FakeTransport(connection, {"peername": (address, 5)})
    connection.connection_made(transport)
    return transport


async def test_an_address_has_its_share_of_the_connections_and_no_more() -> None:
    limits = FrontLimits(connections=9, connections_per_address=2)
    async with listening(Handler(answer), limits) as server:
        greedy = [connected(server, address) for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3")]
        assert [each.written[:12] for each in greedy] == [b"", b"", b"HTTP/1.1 429"]
        assert connected(server, "2001:db8:0:1::1").written == b""
        greedy[2].close()
        greedy[0].close()
        assert connected(server, "2001:db8::4").written == b""


async def test_a_proxy_that_is_believed_is_many_callers() -> None:
    async with listening(Handler(answer), FrontLimits(connections_per_address=1)) as server:
        server.apply(server.limits, {"192.0.2.1"}.__contains__)
        assert [connected(server, "192.0.2.1").written for _ in range(3)] == [b"", b"", b""]
        assert [connected(server, "192.0.2.2").written[:12] for _ in range(2)] == [b"", b"HTTP/1.1 429"]


async def test_a_caller_that_leaves_while_it_is_held_is_noticed() -> None:
    """Nothing is read of it, so the end that it sends behind what waits would be seen at the next write alone."""
    begun = asyncio.Event()
    handler = Handler(lambda _: begun.set())
    async with listening(handler) as server:
        async with raw_client(server.port) as client:
            await client.send(GET + GET)  # the second one waits, so nothing more is read
            await begun.wait()
        async with asyncio.timeout(PATIENCE):
            while server.connections:
                server.held.look()
                await asyncio.sleep(0)
        assert handler.answers == [None]


async def test_a_caller_that_leaves_while_its_body_is_held_is_noticed() -> None:
    bodies: asyncio.Future[DownstreamRequest] = asyncio.get_running_loop().create_future()
    handler = Handler(bodies.set_result)
    async with listening(handler) as server:
        async with raw_client(server.port) as client:
            await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            body = (await bodies).body
            assert body is not None
            body.hold()
        async with asyncio.timeout(PATIENCE):
            while server.connections:
                server.held.look()
                await asyncio.sleep(0)
        assert handler.answers == [None]


async def test_a_caller_that_reads_no_answers_is_cut_off_before_many_of_them_wait() -> None:
    handler = Handler(lambda _: Response(200, body=bytes(2**20)))
    async with listening(handler, FrontLimits(body_stall=0.05)) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        writer.write(GET * 1000)
        await server.lost()
        assert len(handler.answers) < 50
        writer.close()


@contextlib.asynccontextmanager
async def unread(limits: FrontLimits, *, closes: bool = False) -> AsyncIterator[ListeningFront]:
    """Yield a server that has answered a caller which reads nothing, with less than makes it pause."""
    handler = Handler(lambda _: Response(200, body=bytes(100_000), closes=closes))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel's least
    listener.bind(("127.0.0.1", 0))
    async with listening(handler, limits, listener) as server:
        with socket.socket() as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            caller.connect(listener.getsockname())
            caller.sendall(GET)
            await handler.ended()
            yield server


@pytest.mark.parametrize("closes", [True, False])
async def test_a_caller_that_does_not_read_its_last_answer_keeps_no_place(closes: bool) -> None:
    async with unread(FrontLimits(idle=0.05, body_stall=0.05), closes=closes) as server:
        await server.lost()
        assert len(server.connections) == 0


async def test_a_caller_that_does_not_read_keeps_nobody_from_ending() -> None:
    async with unread(FrontLimits()) as server:
        async with asyncio.timeout(PATIENCE):
            await server.close(0.1)
        assert len(server.connections) == 0


async def test_answers_of_our_own_close_while_draining_too() -> None:
    async with listening(Handler(answer)) as server, raw_client(server.port) as client:
        await client.send(GET)
        assert (await client.response()).one(b"connection") is None
        server.drain()
        await client.send(GET)
        assert (await client.response()).one(b"connection") == b"close"
        assert await client.read_all() == b""


async def test_a_connection_that_looks_idle_is_given_a_moment_for_a_request_on_its_way() -> None:
    async with listening(Handler(answer)) as server, raw_client(server.port) as client:
        await client.send(GET)
        assert (await client.response()).one(b"connection") is None
        closing = asyncio.gather(server.close(20.0, 10.0))
        await asyncio.sleep(0)
        await client.send(GET)
        response = await client.response()
        assert (response.status, response.one(b"connection")) == (200, b"close")
        await asyncio.wait_for(closing, 5.0)


async def test_an_answer_that_promised_to_stay_is_followed_by_one_that_says_close() -> None:
    """The process began to leave after the head had gone out: whoever sends a second request on it is answered."""
    requests = list[DownstreamRequest]()
    begun = asyncio.Event()

    def slowly(request: DownstreamRequest) -> Serving:
        if begun.is_set():
            return Response(200, body=b"ok")
        requests.append(request)
        request.connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        begun.set()
        return None

    async with listening(Handler(slowly)) as server, raw_client(server.port) as client:
        await client.send(GET)
        await begun.wait()
        server.drain()
        requests[0].connection.write(b"ok")
        requests[0].complete(Forwarded(200, keep_alive=True))
        assert (await client.response()).one(b"connection") is None
        await client.send(GET)
        assert (await client.response()).one(b"connection") == b"close"


async def test_requests_under_way_are_waited_for_in_the_end_and_idle_connections_are_not() -> None:
    begun: asyncio.Future[DownstreamRequest] = asyncio.get_running_loop().create_future()
    handler = Handler(begun.set_result)
    async with (
        listening(handler) as server,
        raw_client(server.port) as idle,
        raw_client(server.port) as busy,
    ):
        await busy.send(GET)
        request = await begun
        closing = asyncio.gather(server.close(PATIENCE))
        assert await idle.read_all() == b""
        assert not closing.done()
        request.complete(Response(200, body=b"ok"))
        response = await busy.response()
        assert (response.body, response.one(b"connection")) == (b"ok", b"close")
        await closing
    assert len(handler.answers) == 1


@pytest.mark.parametrize("waits", [True, False])
async def test_requests_that_take_too_long_in_the_end_are_cut_and_counted(waits: bool) -> None:
    begun = asyncio.Event()

    async def wait() -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    def begin(_request: DownstreamRequest) -> Serving:
        begun.set()
        return wait() if waits else None

    handler = Handler(begin)
    async with listening(handler) as server, raw_client(server.port) as client:
        await client.send(GET)
        await begun.wait()
        async with asyncio.timeout(PATIENCE):
            await server.close(0.01)
        assert await client.read_all() == b""
        assert (handler.answers, len(server.connections), len(server.tasks)) == ([None], 0, 0)


async def test_a_connection_whose_answer_is_taken_while_the_process_leaves_is_not_waited_for() -> None:
    async with listening(Handler(answer)) as server:
        connection = server()
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        connection.pause_writing()
        connection.data_received(GET)
        server.leaving = True
        connection.resume_writing()
        assert transport.is_closing()
