from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from gateway.upstream.connection import UpstreamConnection
from tests.support.fakes.fake_sink import FakeSink
from tests.support.fakes.fake_transport import FakeTransport

ANSWER = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
RESET = struct.pack("ii", 1, 0)


async def connected() -> tuple[UpstreamConnection, socket.socket]:
    """Return a connection that is not read from, and the upstream's end of it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _, connection = await loop.create_connection(
            lambda: UpstreamConnection(loop, 1000), "127.0.0.1", listening.getsockname()[1]
        )
        theirs, _ = listening.accept()
    return connection, theirs


def reset(theirs: socket.socket) -> None:
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    theirs.close()


@pytest.mark.parametrize("expects", [True, False])
async def test_an_answer_in_front_of_a_reset_is_read_when_a_write_has_met_that(expects: bool) -> None:
    connection, theirs = await connected()
    sink, gone = FakeSink(), asyncio.Event()
    connection.closed = lambda _: gone.set()
    connection.begin(sink, head_request=True, upgrading=False)
    theirs.sendall(ANSWER.removesuffix(b"no"))
    reset(theirs)
    if expects:
        connection.expect_reset()
    connection.write(b"a piece of a body")
    async with asyncio.timeout(5):
        await gone.wait()
    assert [head.status for head in sink.heads] == ([413] if expects else [])


async def test_nobody_is_told_who_waits_for_nothing() -> None:
    connection, theirs = await connected()
    gone = asyncio.Event()
    connection.closed = lambda _: gone.set()
    theirs.sendall(ANSWER)
    reset(theirs)
    connection.expect_reset()
    connection.write(b"x")
    async with asyncio.timeout(5):
        await gone.wait()


async def test_without_a_loss_nothing_is_looked_for() -> None:
    connection = UpstreamConnection(asyncio.get_running_loop(), 1000)
    connection.expect_reset()
    transport = FakeTransport(connection)
    connection.connection_made(transport)
    sink = FakeSink()
    connection.begin(sink, head_request=False, upgrading=False)
    connection.expect_reset()
    connection.write(b"x")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (transport.written, sink.heads) == (b"x", [])
