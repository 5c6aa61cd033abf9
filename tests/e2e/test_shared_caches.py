"""Behind caches that many callers share: what is kept for one of them, another is never given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.authorities.directory import DirectorySettings, open_tokens
from gateway.directory.operations.session_operations import sign_token
from gateway.directory.schema import open_current
from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import COOKIE_SESSION, Examples, config, serving
from tests.support.servers.caching_proxies import CACHES, caching
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

AGE = 120.0
KEPT = (
    b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60, s-maxage=3600\r\nX-Accel-Expires: 3600\r\n"
    b'Expires: Thu, 31 Dec 2037 23:55:55 GMT\r\nLast-Modified: Mon, 03 Jan 2022 10:00:00 GMT\r\nETag: "e"\r\n'
    b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
)
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nCache-Control: public, max-age=60\r\nETag: "e"\r\n\r\n'


@dataclass
class Stand:
    """A cache, the gateway behind it, the application behind that, and the victim's cookie, which is due."""

    port: int
    app: RecordingUpstream
    cookie: str

    async def ask(self, path: str, *lines: str) -> RawResponse:
        head = "\r\n".join((f"GET {path} HTTP/1.1", "Host: gateway.test", "Connection: close", *lines))
        return await exchange(self.port, f"{head}\r\n\r\n".encode())

    async def ask_as_victim(self, path: str, *lines: str) -> RawResponse:
        return await self.ask(path, f"Cookie: __session={self.cookie}", *lines)


@pytest.fixture(params=CACHES)
async def stand(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[Stand]:
    folder, behind = tmp_path / "cache", tmp_path / "gateway"
    folder.mkdir()
    behind.mkdir()
    accounts = examples.settings(behind)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(recording_upstream())
        gateway = await stack.enter_async_context(serving(config(app.port, accounts), behind))
        port = await stack.enter_async_context(caching(request.param, folder, gateway.port))
        yield Stand(port, app, await issued(accounts))


async def issued(accounts: dict[str, Any]) -> str:
    settings = DirectorySettings.model_validate(accounts)
    tokens = open_tokens(settings, lambda: wall_clock() - AGE)
    assert tokens is not None
    async with open_current(settings.url.get_secret_value()) as directory:
        return await sign_token(directory, tokens, COOKIE_SESSION, "cookie", datetime.now(UTC))


async def test_a_renewed_cookie_reaches_no_stranger_by_way_of_a_shared_cache(stand: Stand) -> None:
    stand.app.answer = KEPT
    for path in ("/optional/a", "/echo/a"):
        victim = await stand.ask_as_victim(path)
        stranger = await stand.ask(path)
        assert (len(victim.all(b"set-cookie")), stranger.all(b"set-cookie")) == (1, [])


async def test_a_cache_that_asks_anew_for_somebody_is_given_no_cookie_to_keep(stand: Stand) -> None:
    stand.app.answer = KEPT
    assert (await stand.ask("/optional/a")).status == 200
    stand.app.answer = UNCHANGED
    await stand.ask_as_victim("/optional/a", "Cache-Control: no-cache", 'If-None-Match: "e"')
    stand.app.answer = KEPT
    assert (await stand.ask("/optional/a")).all(b"set-cookie") == []


async def test_what_carries_no_credential_is_kept_as_the_application_says(stand: Stand) -> None:
    """Else the others would prove nothing."""
    stand.app.answer = KEPT
    before = len(stand.app.requests)
    assert [(await stand.ask("/public/b")).status for _ in range(5)] == [200] * 5
    assert len(stand.app.requests) < before + 5
