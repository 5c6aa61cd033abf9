"""The whole gateway on a PostgreSQL directory with the documents' records, and a caller of every kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.authorities.directory import DirectorySettings, open_peppers
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.schema import open_current
from gateway.model.session import RevocationTarget
from gateway.signing import KeyRing
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import (
    RECORDS,
    Gateway,
    config,
    serving,
)
from tests.support.servers.recording_upstream import recording_upstream

KINDS = ["project key", "member's key", "user key", "organization key", "bearer", "cookie", "pair"]
PATIENCE = 30.0


def accounts(url: str, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the config of a directory on `url`."""
    keys = folder / "keys.pem"
    keys.write_bytes(KeyRing.generate().to_pem())
    tokens = {"issuer": "http://gateway.test", "audience": "gateway", "keys_file": str(keys)}
    return {"kind": "directory", "url": url, "pepper": "a-pepper", "tokens": tokens, **more}


async def nobody(_: RevocationTarget) -> None:
    """Take the news of a change, where nothing runs that would have to hear it."""


async def load(described: dict[str, Any]) -> None:
    """Make the tables and import the documents' records."""
    settings = DirectorySettings.model_validate(described)
    await migrate(described["url"])
    async with open_current(described["url"]) as directory:
        await load_records(directory, open_peppers(settings), RECORDS, nobody)


@contextlib.asynccontextmanager
async def gateway_on(described: dict[str, Any], folder: Path, **sections: Any) -> AsyncIterator[Gateway]:
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, described, **sections), folder) as running,
    ):
        yield running


async def ask(gateway: Gateway, kind: str) -> RawResponse:
    shown = gateway.showing(kind).decode() if kind in KINDS else f"X-Api-Key: {kind}"
    raw = f"GET /echo/ HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{shown}\r\n\r\n"
    return await exchange(gateway.port, raw.encode())


async def ask_patiently(gateway: Gateway, kind: str) -> RawResponse:
    """Ask again for as long as the answer is 503, when it says to."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await ask(gateway, kind)
            if answer.status != 503:
                return answer
            await asyncio.sleep(int(answer.one(b"retry-after") or b""))
