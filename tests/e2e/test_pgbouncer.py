"""A directory in PostgreSQL behind a PgBouncer that pools transactions: commands, several processes, restarts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.clients.commands import gateway as command
from tests.support.gateways.on_postgres import KINDS, accounts, ask, gateway_on, load
from tests.support.gateways.running import Running, running
from tests.support.gateways.serving import PROJECT_KEY, USER_KEY, config
from tests.support.servers.pgbouncer import pgbouncer
from tests.support.servers.postgres_server import PostgresServer
from tests.support.servers.recording_upstream import recording_upstream

FIELDS = (f"X-Api-Key: {PROJECT_KEY}", f"X-User-Api-Key: {USER_KEY}", "X-Api-Key: sk_live_unheard_of")
EXPECTED = {200: 32, 401: 16}


def written(folder: Path, described: dict[str, Any], upstream: int, **listen: Any) -> Path:
    """Write a config whose every request asks the database."""
    ports = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "watch": "0s", **listen}
    settings = config(upstream, described, listen=ports, cache={"fresh": "1ms", "stale": "0s", "negative": "0s"})
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


async def statuses(*gateways: Running) -> Counter[int]:
    """Return what 48 requests to each are answered, 12 at a time."""
    came: Counter[int] = Counter()

    async def caller(gateway: Running, field: str) -> None:
        for _ in range(4):
            came[(await gateway.ask("/echo/", field)).status] += 1

    await asyncio.gather(*(caller(gateway, field) for gateway in gateways for field in FIELDS for _ in range(4)))
    return came


async def test_several_processes_and_a_restart_are_served_alike(postgres: PostgresServer, tmp_path: Path) -> None:
    """Each process would name its statements alike: one that is left behind is another's of that name."""
    async with pgbouncer(tmp_path, await postgres.new_database()) as url, recording_upstream() as upstream:
        described = accounts(url, tmp_path)
        await load(described)
        path = written(tmp_path, described, upstream.port, workers=2)
        async with running(path) as one:
            assert await statuses(one) == EXPECTED
            async with running(path) as other:
                assert await statuses(one, other) == {status: 2 * count for status, count in EXPECTED.items()}
            ended = await asyncio.to_thread(command, "directory", "user", "list", "-c", path)
            assert (ended.returncode, ended.stderr) == (0, "")
            assert await statuses(one) == EXPECTED


async def test_every_kind_of_credential_is_known(postgres: PostgresServer, tmp_path: Path) -> None:
    async with pgbouncer(tmp_path, await postgres.new_database()) as url:
        described = accounts(url, tmp_path)
        await load(described)
        async with gateway_on(described, tmp_path) as gateway:
            assert [(await ask(gateway, kind)).status for kind in KINDS] == [200] * len(KINDS)
