"""What the metrics say of Redis, the bus and authorities is true of the config that serves, from its start on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateways.running import Running, running, until
from tests.support.gateways.serving import PROJECT_KEY, Examples, config
from tests.support.servers.recording_upstream import recording_upstream

WORKERS = pytest.mark.parametrize("workers", [1, 2])
NOBODY = "redis://127.0.0.1:9/0"
BREAKER = "gateway_authority_breaker_open"


def written(folder: Path, accounts: dict[str, Any], workers: int, redis: str | None) -> Path:
    listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "workers": workers, "watch": "0s"}
    shared = {} if redis is None else {"redis": {"url": redis, "key_prefix": f"{folder.name}:"}}
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(config(9, accounts, listen=listen, **shared)))
    return path


async def told(gateway: Running) -> set[str]:
    lines = (await gateway.admin("/metrics")).body.decode().splitlines()
    return {line for line in lines if line.startswith(("gateway_redis_up", "gateway_revocation_bus_up"))}


@WORKERS
async def test_redis_and_the_bus_are_up_from_the_start_and_over_reloads(
    tmp_path: Path, examples: Examples, redis_url: str, workers: int
) -> None:
    accounts = examples.settings(tmp_path)
    up, down = ({f"gateway_redis_up {value}.0", f"gateway_revocation_bus_up {value}.0"} for value in (1, 0))

    async def is_up() -> bool:
        return await told(gateway) == up

    async with running(written(tmp_path, accounts, workers, redis_url)) as gateway:
        await until(is_up)
        written(tmp_path, accounts, workers, NOBODY)
        assert (await gateway.reload())["outcome"] == "done"

        async def is_down() -> bool:
            await gateway.ask("/echo/", f"X-Api-Key: {PROJECT_KEY}")
            return await told(gateway) == down

        await until(is_down)
        written(tmp_path, accounts, workers, None)
        assert (await gateway.reload())["outcome"] == "done"
        assert await told(gateway) == set()
        written(tmp_path, accounts, workers, redis_url)
        assert (await gateway.reload())["outcome"] == "done"
        await until(is_up)


async def test_an_authority_that_was_given_up_before_a_reload_is_not_after_it(tmp_path: Path) -> None:
    async def remote(port: int) -> Path:
        url = f"http://127.0.0.1:{port}/api/v3/auth/session/info"
        return written(tmp_path, {"kind": "remote", "dialect": "composio", "url": url}, 1, None)

    async with running(await remote(9)) as gateway:

        async def given_up() -> bool:
            await gateway.ask("/echo/", f"X-Api-Key: {PROJECT_KEY}")
            return await gateway.metric(BREAKER, authority="accounts") == 1

        await until(given_up)
        async with recording_upstream() as upstream:
            await remote(upstream.port)
            assert (await gateway.reload())["outcome"] == "done"
            assert await gateway.metric(BREAKER, authority="accounts") == 0
