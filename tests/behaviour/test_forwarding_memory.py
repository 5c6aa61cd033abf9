"""Back-pressure: what a slow side has not taken yet is not piled up here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.model.route import Timeouts
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

MEBIBYTE = 1 << 20
TOTAL = 300 * MEBIBYTE
PIECE = bytes(256 * 1024)


def resident() -> int:
    """Bytes of this process's memory that are in use now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


async def send_all(side: UpstreamSide) -> None:
    await side.request()
    await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % TOTAL)
    for _ in range(TOTAL // len(PIECE)):
        await side.send(PIECE)
    await side.closed()


async def take_all(side: UpstreamSide) -> None:
    await side.head()
    left = TOTAL
    while left:
        left -= len(await side.reader.read(65536))
    await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("direction", ["down", "up"])
async def test_300_mb_pass_in_little_memory(direction: str) -> None:
    """The reader takes a piece only when the loop has nothing else to do, so it is always the slow side."""
    conversation = send_all if direction == "down" else take_all
    async with (
        recording_upstream(conversation) as upstream,
        carrying(route_to(upstream.port, timeouts=Timeouts(idle=30.0))) as front,
        raw_client(front.port) as client,
    ):
        before, most = resident(), 0
        if direction == "down":
            await client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await client.head()
            left = TOTAL
            while left:
                left -= len(await client.reader.read(65536))
                most = max(most, resident())
        else:
            await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % TOTAL)
            for _ in range(TOTAL // len(PIECE)):
                await client.send(PIECE)
                await asyncio.sleep(0)
                most = max(most, resident())
            assert (await client.response()).status == 200
        assert most - before < 20 * MEBIBYTE
