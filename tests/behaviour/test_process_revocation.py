"""What was revoked stays so: in every process, in the generations and workers that come after, in tunnels of before."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from gateway.forwarding.frames import close_frame
from tests.support.raw_http import raw_client
from tests.support.recording_upstream import OK, UpstreamSide, recording_upstream
from tests.support.running import Running, running, until
from tests.support.serving import PROJECT_KEY, Examples, config

WORKERS = pytest.mark.parametrize("workers", [1, 3])
KEY = f"X-Api-Key: {PROJECT_KEY}"
REVOKE = b'{"api_key": "550e8400-e29b-41d4-a716-446655440003"}'
UPGRADE = (
    f"GET /echo/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{KEY}\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def answer(side: UpstreamSide) -> None:
    while (request := await side.request()) is not None:
        await side.send(SWITCHED if request.all(b"upgrade") else OK)


async def statuses(gateway: Running) -> set[int]:
    """Ask often enough that every worker is asked."""
    return {response.status for response in await asyncio.gather(*(gateway.ask("/echo/", KEY) for _ in range(30)))}


@WORKERS
async def test_a_revocation_through_the_admin_port_is_for_everybody_and_for_later(
    tmp_path: Path, examples: Examples, workers: int
) -> None:
    """Without Redis, and the directory is not told: memory is all that knows of it."""
    async with recording_upstream(answer) as upstream:
        listen = {"workers": workers, "drain": "10s", "watch": "0s"}
        settings = config(upstream.port, examples.settings(tmp_path))
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps({**settings, "listen": {**settings["listen"], **listen}}))
        async with running(file) as gateway, raw_client(gateway.port) as client:
            assert await statuses(gateway) == {200}
            await client.send(UPGRADE)
            assert (await client.head()).status == 101
            assert (await gateway.reload())["outcome"] == "done"  # the tunnel is one of an earlier generation now
            assert await statuses(gateway) == {200}
            assert (await gateway.admin("/revoke", REVOKE)).status == 200
            assert await client.read_all() == close_frame(1008)
            assert await statuses(gateway) == {401}
            assert (await gateway.reload())["outcome"] == "done"
            assert await statuses(gateway) == {401}
            if workers > 1:
                before = set(gateway.workers())
                gateway.process.send_signal(signal.SIGUSR2)
                await until(
                    lambda: asyncio.sleep(0, len(gateway.workers()) == workers and not before & set(gateway.workers()))
                )
                await gateway.until_ready()
                assert await statuses(gateway) == {401}
