from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from gateway.front.handshakes import Handshake, HandshakeListener
from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.decision import Response
from tests.support.clients.raw_http import PATIENCE, RawClient, raw_client
from tests.support.servers.fronts import Handler, ListeningFront, listening

AUTHORITY = trustme.CA()
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def answer(_request: DownstreamRequest) -> Serving:
    return Response(200, body=b"ok")


class Tls:
    """A front with a listener for TLS beside its own."""

    def __init__(self, front: ListeningFront, bound: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        AUTHORITY.issue_cert("gateway.test").configure_cert(context)
        self.front = front
        self.listener = HandshakeListener(front, bound, context)
        self.port = bound.getsockname()[1]

    async def connect(self) -> RawClient:
        trust = ssl.create_default_context()
        AUTHORITY.configure_trust(trust)
        return RawClient(
            *await asyncio.open_connection("127.0.0.1", self.port, ssl=trust, server_hostname="gateway.test")
        )

    async def until_open(self, connections: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.front.connections) != connections:  # noqa: ASYNC110 - the kernel hands them over in its time
                await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def tls(limits: FrontLimits | None = None) -> AsyncIterator[Tls]:
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
    async with listening(Handler(answer), limits or FrontLimits()) as front:
        made = Tls(front, bound)
        made.listener.open()
        try:
            yield made
        finally:
            made.listener.close()


async def test_a_connection_is_one_from_accept_to_its_end() -> None:
    async with tls() as it:
        async with raw_client(it.port):
            await it.until_open(1)
        await it.until_open(0)
        client = await it.connect()
        await client.send(GET)
        assert (await client.response()).body == b"ok"
        assert len(it.front.connections) == 1
        client.writer.close()
        await it.until_open(0)


async def test_one_too_many_is_closed_before_its_handshake() -> None:
    async with tls(FrontLimits(connections=1)) as it:
        client = await it.connect()
        async with raw_client(it.port) as second:
            assert await second.read_all() == b""
        await client.send(GET)
        assert (await client.response()).body == b"ok"
        client.writer.close()


async def test_a_handshake_that_is_none_or_takes_too_long_ends() -> None:
    async with tls(FrontLimits(head_timeout=0.05)) as it:
        async with raw_client(it.port) as garbage, raw_client(it.port) as silent:
            await garbage.send(b"GET / HTTP/1.1\r\n\r\n")
            await garbage.read_all()
            await silent.read_all()
        await it.until_open(0)


async def test_handshakes_are_cut_with_all_others() -> None:
    async with tls() as it, raw_client(it.port) as client:
        await it.until_open(1)
        for connection in tuple(it.front.connections):
            connection.close_if_idle()
        assert len(it.front.connections) == 1
        it.listener.close()
        async with asyncio.timeout(PATIENCE):
            await it.front.close(0.0)
        assert await client.read_all() == b""


async def test_a_handshake_that_is_cut_before_it_begins_is_forgotten() -> None:
    async with tls() as it:
        ours, theirs = socket.socketpair()
        with theirs:
            handshake = Handshake(it.front, ours, "192.0.2.1", it.listener._context)
            assert it.front.opened(handshake) is None
            handshake.begin(with_header=False)
            handshake.abort()
            await it.until_open(0)
            assert ours.fileno() == -1


async def test_a_system_without_descriptors_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.front.handshakes._RETRY_SECONDS", 0.0)

    class Full:
        """A socket that has none left once."""

        def __init__(self, bound: socket.socket) -> None:
            self.bound = bound
            self.fileno = bound.fileno
            self.close = bound.close
            self.failed = False

        def accept(self) -> tuple[socket.socket, object]:
            if not self.failed:
                self.failed = True
                raise OSError(errno.EMFILE, "Too many open files")
            return self.bound.accept()

    async with tls() as it:
        monkeypatch.setattr(it.listener, "_socket", Full(it.listener._socket))
        client = await it.connect()
        client.writer.close()
    assert "accept_failed" in capsys.readouterr().out


async def test_one_too_many_is_told_so_where_it_begins_with_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.front.server.MOST_REFUSED", 1)
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
    async with listening(Handler(answer), FrontLimits(connections=1)) as front:
        listener = HandshakeListener(front, bound, None, headers=True)
        listener.open()
        port = bound.getsockname()[1]
        async with raw_client(port) as first:
            await first.send(GET)
            assert (await first.response()).status == 200
            async with raw_client(port) as second, raw_client(port) as third:
                assert (await second.response()).status == 503
                assert await third.read_all() == b""
        listener.close()
