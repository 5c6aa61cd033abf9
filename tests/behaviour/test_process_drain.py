"""How the gateway leaves: requests under way end, tunnels are told, and nobody else is kept waiting."""

import asyncio
import signal
from pathlib import Path

import pytest

from gateway.http1.frames import close_frame
from tests.support.clients.raw_http import PATIENCE, raw_client
from tests.support.gateways.running import running, until, written
from tests.support.servers.recording_upstream import OK, UpstreamSide, recording_upstream

WORKERS = pytest.mark.parametrize("workers", [1, 2])
UPGRADE = (
    b"GET /public/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
REQUEST = b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n"


async def never(side: UpstreamSide) -> None:
    """Answer nobody."""
    await side.request()
    side.upstream.arrived.set()
    await side.closed()


async def is_refused(port: int) -> bool:
    try:
        async with raw_client(port):
            return False
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it came at the very moment at which the socket was closed
        return False


@WORKERS
async def test_a_slow_request_ends_when_readiness_has_failed_and_an_idle_connection_is_closed(
    tmp_path: Path, workers: int
) -> None:
    may_answer = asyncio.Event()

    async def slow(side: UpstreamSide) -> None:
        await side.request()
        side.upstream.arrived.set()
        await may_answer.wait()
        await side.send(OK)

    async with (
        recording_upstream(slow) as upstream,
        running(written(tmp_path, upstream.port, listen=f", workers: {workers}")) as gateway,
        raw_client(gateway.port) as idle,
        raw_client(gateway.port) as client,
    ):
        await client.send(REQUEST)
        await asyncio.wait_for(upstream.arrived.wait(), PATIENCE)
        gateway.process.send_signal(signal.SIGTERM)
        await gateway.until_ready(503)
        assert (await gateway.admin("/healthz")).status == 200
        assert await idle.read_all() == b""
        may_answer.set()
        response = await client.response()
        assert (response.status, response.one(b"connection")) == (200, b"close")
        assert await client.read_all() == b""
        assert await asyncio.wait_for(gateway.process.wait(), PATIENCE) == 0


@WORKERS
async def test_an_open_tunnel_is_told_that_the_gateway_goes_away(tmp_path: Path, workers: int) -> None:
    async def tunnel(side: UpstreamSide) -> None:
        await side.request()
        await side.send(SWITCHED)
        await side.closed()

    async with (
        recording_upstream(tunnel) as upstream,
        running(written(tmp_path, upstream.port, listen=f", workers: {workers}")) as gateway,
        raw_client(gateway.port) as client,
    ):
        await client.send(UPGRADE)
        assert (await client.head()).status == 101
        gateway.process.send_signal(signal.SIGTERM)
        assert await client.read_all() == close_frame(1001)
        assert await asyncio.wait_for(gateway.process.wait(), PATIENCE) == 0


@WORKERS
async def test_what_does_not_end_is_cut_after_the_time_that_the_config_gives(tmp_path: Path, workers: int) -> None:
    async with recording_upstream(never) as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        config.write_text(config.read_text().replace("drain: 10s", "drain: 300ms"))
        async with running(config) as gateway, raw_client(gateway.port) as client:
            await client.send(REQUEST)
            await asyncio.wait_for(upstream.arrived.wait(), PATIENCE)
            assert await gateway.stop() == 0
            assert await client.read_all() == b""


@WORKERS
async def test_a_second_signal_ends_it_at_once(tmp_path: Path, workers: int) -> None:
    async with recording_upstream(never) as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        config.write_text(config.read_text().replace("drain: 10s", "drain: 10m"))
        async with running(config) as gateway, raw_client(gateway.port) as client:
            await client.send(REQUEST)
            await asyncio.wait_for(upstream.arrived.wait(), PATIENCE)
            gateway.process.send_signal(signal.SIGINT)
            await gateway.event("draining")
            assert await gateway.stop() == 0


@WORKERS
async def test_every_connection_in_use_is_told_to_close_with_a_whole_answer(tmp_path: Path, workers: int) -> None:
    async def ask_until_told(port: int) -> list[int]:
        statuses = []
        async with raw_client(port) as client:
            while True:
                await client.send(REQUEST)
                response = await client.response()
                statuses.append(response.status)
                if response.one(b"connection") == b"close":
                    assert await client.read_all() == b""
                    return statuses

    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=f", workers: {workers}")) as gateway,
    ):
        asking = asyncio.gather(*(ask_until_told(gateway.port) for _ in range(8)))
        await until(lambda: asyncio.sleep(0, len(upstream.requests) >= 100))
        gateway.process.send_signal(signal.SIGTERM)
        told = await asyncio.wait_for(asking, PATIENCE)
        assert await asyncio.wait_for(gateway.process.wait(), PATIENCE) == 0
    assert {status for statuses in told for status in statuses} == {200}


@WORKERS
async def test_once_it_leaves_nobody_waits_to_be_accepted(tmp_path: Path, workers: int) -> None:
    async with recording_upstream(never) as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        async with running(config) as gateway, raw_client(gateway.port) as client:
            await client.send(REQUEST)
            await asyncio.wait_for(upstream.arrived.wait(), PATIENCE)
            gateway.process.send_signal(signal.SIGTERM)
            await until(lambda: is_refused(gateway.port))
            client.abort()
