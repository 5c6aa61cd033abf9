import importlib.util
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGoneError

from gateway.demo.embedded_valkey import start_valkey

pytestmark = pytest.mark.processes


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def test_it_serves_until_it_is_closed_and_writes_nothing(tmp_path: Path) -> None:
    valkey = await start_valkey(tmp_path)
    assert valkey is not None
    async with Redis.from_url(valkey.url) as client:
        await client.set("a", "b")
        assert await client.get("a") == b"b"
        assert await client.config_get("bind") == {"bind": "127.0.0.1"}
    await valkey.close()
    await valkey.close()  # twice is once
    async with Redis.from_url(valkey.url) as client:
        with pytest.raises(RedisGoneError):
            await client.ping()
    assert is_empty(tmp_path)


async def test_where_it_is_not_installed_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert await start_valkey(tmp_path) is None
