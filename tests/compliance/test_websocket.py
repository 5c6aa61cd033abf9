"""The Autobahn test suite's own cases through the tunnel, from either side.

The tunnel carries bytes and its peers are PyPI's `websockets`, so what fails through it must fail without it as well.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.support.gateways.running import running, written

CASES = [*(f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 10)), "12.1.1", "13.1.1"]
"""All but 9.*, which times megabytes, and all but two of the 216 compressed ones, of a thousand messages each."""

COUNT = 247 + 2
"""How many these are, so that a pattern that matches nothing is seen."""

SECONDS = 100

pytestmark = [
    pytest.mark.timeout(2 * SECONDS),
    pytest.mark.filterwarnings(  # the compressed cases leave their example data open
        "ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
    ),
]


async def echo(socket: ServerConnection) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in socket:
            await socket.send(message)


@contextlib.asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    async with serve(echo, "127.0.0.1", 0, max_size=None, ping_interval=None) as server:
        yield server.sockets[0].getsockname()[1]


async def failures_of_server(port: int, cases: list[str], count: int) -> list[str]:
    """Run cases against the WebSocket server of a port; return those that failed."""
    try:
        results = await run_fuzzingclient(f"ws://127.0.0.1:{port}/public/", cases=cases, concurrency=4)
    except FailureError as failed:
        return [case.case_id for case in failed.results]
    assert len(results) == count
    return []


async def test_cases_against_a_server_behind_the_gateway(tmp_path: Path) -> None:
    async with asyncio.timeout(SECONDS), echo_server() as server, running(written(tmp_path, server)) as gateway:
        failed = await failures_of_server(gateway.port, CASES, COUNT)
        assert not failed or await failures_of_server(server, failed, len(failed)) == failed


async def client_of(port: int) -> None:
    """Let each case of the server of a port do with us what it does to clients; send back what comes."""
    url = f"ws://127.0.0.1:{port}"
    options = {"max_size": None, "ping_interval": None, "proxy": None}
    async with connect(f"{url}/getCaseCount", **options) as socket:  # type: ignore[arg-type]
        count = int(await socket.recv())
    for case in range(1, count + 1):
        with contextlib.suppress(websockets.ConnectionClosed, websockets.InvalidHandshake):
            async with connect(f"{url}/runCase?case={case}&agent=gateway", **options) as socket:  # type: ignore[arg-type]
                async for message in socket:
                    await socket.send(message)
    async with connect(f"{url}/updateReports?agent=gateway", **options):  # type: ignore[arg-type]
        pass


async def failures_of_client(folder: Path | None, cases: list[str], count: int) -> list[str]:
    """Run cases against a WebSocket client, through a gateway in `folder` or directly; return those that failed."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(run_fuzzingserver(cases=cases, port=0))
        port = server.port
        if folder is not None:
            route = f'  - {{name: all, match: {{path: /}}, access: public, upstream: "http://127.0.0.1:{port}"}}\n'
            port = (await stack.enter_async_context(running(written(folder, port, more=route)))).port
        await client_of(port)
        try:
            results = await server.get_result()
        except FailureError as failed:
            return [case.case_id for case in failed.results]
        assert len(results) == count
        return []


async def test_cases_against_a_client_in_front_of_the_gateway(tmp_path: Path) -> None:
    async with asyncio.timeout(SECONDS):
        failed = await failures_of_client(tmp_path, CASES, COUNT)
        assert not failed or await failures_of_client(None, failed, len(failed)) == failed
