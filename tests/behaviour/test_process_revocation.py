"""What was revoked stays so: in every process, in the generations and workers that come after, in tunnels of before.

Without Redis, and shown a token whose issuer hears of no revocation: memory is all that knows of it.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.http1.frames import close_frame
from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.running import ADMIN_TOKEN, SECRET, Running, running, until
from tests.support.servers.issuer import EC_KEY, ISSUER, Jwks, jwk, sign
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import OK, UpstreamSide, recording_upstream
from tests.support.servers.systemd import manager

WORKERS = pytest.mark.parametrize("workers", [1, 3])
REVOKE = b'{"user": "user_1"}'
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def answer(side: UpstreamSide) -> None:
    while (request := await side.request()) is not None:
        await side.send(SWITCHED if request.all(b"upgrade") else OK)


def token(subject: str, *roles: str) -> str:
    now = int(datetime.now(UTC).timestamp())
    times = {"iat": now - 10, "exp": now + 86400}
    return sign({"iss": ISSUER, "aud": "orders", "sub": subject, "roles": list(roles), **times})


TOKEN = f"Authorization: Bearer {token('user_1')}"
OPERATOR = f"Authorization: Bearer {token('operator', 'operator')}"
UPGRADE = (
    f"GET /echo/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{TOKEN}\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()


@contextlib.asynccontextmanager
async def config(folder: Path, workers: int) -> AsyncIterator[Path]:
    """Write a config of one route, which the issuer's tokens open."""
    async with recording_upstream(answer) as upstream, listening(Jwks(jwk(EC_KEY, "k1")).answer) as jwks:
        issuer = {"kind": "jwt", "issuer": ISSUER, "audience": "orders", "algorithms": ["ES256"]}
        settings: dict[str, Any] = {
            "listen": {
                "public": "127.0.0.1:0",
                "admin": "127.0.0.1:0",
                "admin_token": ADMIN_TOKEN,
                "admin_hosts": "admin.test",
                "workers": workers,
                "watch": "0s",
            },
            "secret": SECRET,
            "authorities": {"tokens": {**issuer, "jwks_url": f"http://127.0.0.1:{jwks}"}},
            "credentials": {"token": {"kind": "bearer", "authority": "tokens"}},
            "admin": {
                "credentials": ["token"],
                "host": "admin.test",
                "roles": {"operator": ["revocations.read", "revocations.create"]},
            },
            "routes": [
                {"name": "echo", "match": {"path": "/echo/"}, "upstream": f"http://127.0.0.1:{upstream.port}"},
            ],
        }
        file = folder / "gateway.yaml"
        file.write_text(json.dumps(settings))
        yield file


async def statuses(gateway: Running) -> set[int]:
    """Ask often enough that every worker is asked."""
    return {response.status for response in await asyncio.gather(*(gateway.ask("/echo/", TOKEN) for _ in range(30)))}


async def remembered(port: int | str, credential: str) -> list[str]:
    """Return the ids that were revoked, as the API tells at a port."""
    head = f"GET /v1/revocations HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\n{credential}\r\n\r\n"
    return [row["id"] for row in (await exchange(port, head.encode())).json()["rows"]]


@WORKERS
async def test_a_revocation_through_the_admin_port_is_for_everybody_and_for_later(tmp_path: Path, workers: int) -> None:
    async with config(tmp_path, workers) as file, running(file) as gateway, raw_client(gateway.port) as client:
        assert await statuses(gateway) == {200}
        await client.send(UPGRADE)
        assert (await client.head()).status == 101
        assert (await gateway.reload())["outcome"] == "done"  # the tunnel is one of an earlier generation now
        assert await statuses(gateway) == {200}
        assert (await gateway.admin("/revoke", REVOKE)).status == 200
        assert await client.read_all() == close_frame(1008)
        assert await statuses(gateway) == {401}
        assert await remembered(gateway.port, OPERATOR) == ["user_1"]
        assert await remembered(gateway.admin_port, f"Authorization: Bearer {ADMIN_TOKEN}") == ["user_1"]
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


async def test_a_revocation_between_the_order_to_reload_and_the_building_is_not_lost(tmp_path: Path) -> None:
    """The reload waits for a renewal, which waits for a worker that cannot be forked yet; meanwhile it is revoked."""

    async def is_over() -> bool:
        return await statuses(gateway) == {401}

    with manager(tmp_path) as systemd:
        async with config(tmp_path, 2) as file, running(file, {"NOTIFY_SOCKET": systemd.address}) as gateway:
            assert await systemd.next_state() == "READY=1"
            os.kill(gateway.fork_server(), signal.SIGSTOP)
            gateway.process.send_signal(signal.SIGUSR2)
            await gateway.event("workers_renewing")
            gateway.process.send_signal(signal.SIGHUP)
            assert await systemd.next_state() == "RELOADING=1"
            revoking = asyncio.gather(gateway.admin("/revoke", REVOKE))
            await until(is_over)
            os.kill(gateway.fork_server(), signal.SIGCONT)
            assert (await gateway.event("config_reloaded"))["outcome"] == "done"
            assert await statuses(gateway) == {401}
            assert [response.status for response in await revoking] == [200]
