"""Two gateways of one fleet, each with its own copy of every secret file, and callers who ask both all the time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.authorities.directory import DirectorySettings, open_tokens
from gateway.directory.operations.session_operations import sign_token
from gateway.directory.schema import open_current
from gateway.signing import KeyRing
from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.running import Running, running
from tests.support.gateways.serving import ADMIN_TOKEN, Examples, config
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

Settings = Callable[[Path], dict[str, Any]]
"""Makes a config that names its secrets in a folder."""


class Replica:
    """One gateway; `take` gives it another content of one of its files."""

    def __init__(self, folder: Path, settings: Settings, files: Mapping[str, str]) -> None:
        self.folder = folder
        self.config = folder / "gateway.yaml"
        self.gateway: Running
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        self.config.write_text(json.dumps(settings(folder)), encoding="utf-8")

    async def take(self, name: str, content: str) -> None:
        """Load the config anew with that file."""
        (self.folder / name).write_text(content, encoding="utf-8")
        told = await self.gateway.reload()
        assert told["outcome"] == "done", told


@contextlib.asynccontextmanager
async def replicas(
    folder: Path, settings: Settings, files: Mapping[str, str]
) -> AsyncIterator[tuple[Replica, Replica]]:
    """Run both until the end."""
    one, other = (Replica(folder / name, settings, files) for name in ("one", "other"))
    async with running(one.config) as one.gateway, running(other.config) as other.gateway:
        yield one, other


class Callers:
    """What everybody was told, by status, and with which field by whom."""

    def __init__(self) -> None:
        self.told: Counter[tuple[int, str]] = Counter()
        self._came = asyncio.Condition()

    @property
    def statuses(self) -> set[int]:
        return {status for status, _ in self.told}

    async def further(self, count: int) -> None:
        """Return when as many more were answered."""
        goal = self.told.total() + count
        async with asyncio.timeout(3 * PATIENCE), self._came:
            await self._came.wait_for(lambda: self.told.total() >= goal)

    async def ask(self, gateway: Running, fields: Sequence[str]) -> None:
        """Ask with one field after the other, again and again."""
        while True:
            for field in fields:
                response = await gateway.ask("/echo/", field)
                async with self._came:
                    self.told[response.status, field] += 1
                    self._came.notify_all()


@contextlib.asynccontextmanager
async def callers(fleet: Sequence[Replica], fields: Sequence[str]) -> AsyncIterator[Callers]:
    """Let somebody ask each replica with each field until the end."""
    made = Callers()
    asking = [asyncio.create_task(made.ask(each.gateway, fields)) for each in fleet]  # noqa: TID251 - held here
    try:
        yield made
    finally:
        for task in asking:
            task.cancel()
        lost = await asyncio.gather(*asking, return_exceptions=True)
        assert [repr(each) for each in lost if not isinstance(each, asyncio.CancelledError)] == []


class Fleet:
    """Two replicas on one directory and one Redis, and the upstream behind them."""

    def __init__(
        self, both: tuple[Replica, Replica], upstream: RecordingUpstream, directory: DirectorySettings
    ) -> None:
        self.both = self.one, self.other = both
        self.upstream = upstream
        self.directory = directory

    async def token(self, kind: str, session: str) -> str:
        """Issue a token as `gateway directory token` does, with the keys that the directory has now."""
        tokens = open_tokens(self.directory, wall_clock)
        assert tokens is not None
        async with open_current(self.directory.url.get_secret_value()) as directory:
            return await sign_token(directory, tokens, session, kind, datetime.now(UTC))


@contextlib.asynccontextmanager
async def fleet(
    folder: Path, examples: Examples, redis: Mapping[str, Any], files: Mapping[str, str] | None = None, **sections: Any
) -> AsyncIterator[Fleet]:
    """Run both; whatever is a secret of theirs stands in a file of each replica's own folder."""
    described = examples.settings(folder)
    held = {
        "secret": "the-old-secret-0123456789-0123456789\n",
        "admin-token": f"{ADMIN_TOKEN}\n",
        "pepper": "a-pepper\n",
        "token-keys": (folder / "keys.pem").read_text(),
        "identity-keys": KeyRing.generate().to_pem().decode(),
        **(files or {}),
    }
    async with recording_upstream() as upstream:

        def settings(place: Path) -> dict[str, Any]:
            accounts = {key: value for key, value in described.items() if key != "pepper"}
            accounts |= {"pepper_file": f"{place}/pepper"}
            accounts["tokens"] = described["tokens"] | {"keys_file": f"{place}/token-keys"}
            made = config(upstream.port, accounts)
            made.pop("secret")
            made["secret_file"] = f"{place}/secret"
            made["listen"] = {
                "public": "127.0.0.1:0",
                "admin": "127.0.0.1:0",
                "watch": "0s",
                "admin_token_file": f"{place}/admin-token",
            }
            token = {"issuer": "http://gateway.test", "keys_file": f"{place}/identity-keys"}
            made["identity"] = {"token": token}
            made["routes"][0]["audience"] = "echo"
            made["redis"] = {key: str(value).format(place=place) for key, value in redis.items()}
            return {**made, **sections}

        async with replicas(folder, settings, held) as both:
            yield Fleet(both, upstream, DirectorySettings.model_validate(described))
