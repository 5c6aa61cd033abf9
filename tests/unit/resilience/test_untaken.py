from __future__ import annotations

import asyncio
import socket

from gateway.resilience.untaken import untaken
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.fake_transport import FakeTransport


async def test_bytes_count_until_the_peer_has_taken_them() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as ours:
        theirs, _ = listening.accept()
        with theirs:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours.dup())
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(bytes(8_000_000))
            before = untaken(transport)
            assert before > transport.get_write_buffer_size()
            theirs.setblocking(False)  # noqa: FBT003 - the standard library's signature
            async with asyncio.timeout(PATIENCE):
                while untaken(transport):
                    assert await loop.sock_recv(theirs, 1 << 20)
            transport.abort()


def test_a_transport_without_a_socket_tells_for_itself() -> None:
    transport = FakeTransport()
    transport.unsent = 7
    assert untaken(transport) == 7


def test_one_whose_socket_is_closed_too() -> None:
    with socket.socket() as closed:
        pass
    assert untaken(FakeTransport(extra={"socket": closed})) == 0
