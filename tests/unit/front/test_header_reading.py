from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.front.header_reading import read_header
from gateway.http1.proxy_header import ProxyHeaderError

HEADER = b"PROXY TCP4 192.0.2.9 192.0.2.1 32768 80\r\n"


def connected() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return ours, theirs


@pytest.mark.parametrize("size", [1, 41, 45, 100])
async def test_no_byte_behind_the_header_is_taken(size: int) -> None:
    ours, theirs = connected()
    with ours, theirs:
        reading = asyncio.create_task(read_header(ours, 4096))  # noqa: TID251 - awaited below
        data = HEADER + b"GET /"
        for place in range(0, len(data), size):
            theirs.send(data[place : place + size])
            await asyncio.sleep(0)
        header = await reading
        assert header is not None
        assert (header.peer, ours.recv(100)) == ("192.0.2.9", b"GET /")


async def test_a_connection_without_a_byte_is_no_fault() -> None:
    ours, theirs = connected()
    with ours:
        theirs.close()
        assert await read_header(ours, 4096) is None


async def test_half_a_header_is_one() -> None:
    ours, theirs = connected()
    with ours:
        theirs.send(HEADER[:-1])
        theirs.close()
        with pytest.raises(ProxyHeaderError, match="ended within"):
            await read_header(ours, 4096)


async def test_who_is_not_waited_for_any_more_is_not_watched() -> None:
    ours, theirs = connected()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0):
                await read_header(ours, 4096)
        assert not asyncio.get_running_loop().remove_reader(ours.fileno())
