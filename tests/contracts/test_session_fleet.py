"""Four processes and one Redis: the authority is asked about once, and a revocation reaches them all."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

import pytest

from tests.support.repository import ROOT

PROCESSES = 4


class Counting:
    """An authority on a socket that knows every token, takes its time, and counts."""

    def __init__(self) -> None:
        self.look_ups: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.look_ups.append((await reader.readline()).decode().strip())
        await asyncio.sleep(0.1)  # long enough for every process to have come and found the claim taken
        writer.write(b"found\n")
        await writer.drain()
        writer.close()


class Replica:
    """A process and its two pipes."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        while True:
            line = (await self._process.stdout.readline()).decode().strip()
            if "[" not in line:  # a log line
                return line

    async def tell(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        return await self.line()

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@pytest.fixture
async def authority() -> AsyncIterator[Counting]:
    counting = Counting()
    server = await asyncio.start_server(counting.serve, "127.0.0.1", 0)
    counting.port = server.sockets[0].getsockname()[1]
    yield counting
    server.close()


@pytest.fixture
async def fleet(redis_url: str, key_prefix: str, authority: Counting) -> AsyncIterator[list[Replica]]:
    program = [sys.executable, "-m", "tests.support.gateways.replica_process"]
    command = [*program, redis_url, key_prefix, str(authority.port)]
    async with contextlib.AsyncExitStack() as stack:
        replicas = []
        for _ in range(PROCESSES):
            replica = Replica(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE))
            stack.push_async_callback(replica.stop)
            replicas.append(replica)
        assert [await replica.line() for replica in replicas] == ["ready"] * PROCESSES
        yield replicas


async def test_a_cold_fleet_asks_at_most_twice_and_a_revocation_reaches_every_process(
    fleet: list[Replica], authority: Counting
) -> None:
    answers = await asyncio.gather(*(replica.tell("resolve token 250") for replica in fleet))
    assert answers == ["found"] * PROCESSES
    assert len(authority.look_ups) <= 2
    watching = [asyncio.gather(replica.tell("watch token")) for replica in fleet[1:]]
    acknowledged = float(await fleet[0].tell("revoke user-1"))
    refused = [float(line) for (line,) in await asyncio.gather(*watching)]
    # one second is the promise at worst; what was measured is far below and stands in the issue
    assert max(refused) - acknowledged < 1.0
    answers = await asyncio.gather(*(replica.tell("resolve token 1") for replica in fleet))
    assert answers == ["rejected"] * PROCESSES
