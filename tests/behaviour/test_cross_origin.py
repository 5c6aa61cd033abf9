"""Pages of listed foreign origins: their preflights pass, they may read answers, and no other page may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import PROJECT_KEY, Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

PAGE = "https://app.example.com"
Both = tuple[Gateway, RecordingUpstream]


@pytest.fixture
async def both(examples: Examples, tmp_path: Path) -> AsyncIterator[Both]:
    async with recording_upstream() as upstream:
        listed: dict[str, Any] = {"cors": {"origins": [PAGE], "exposed": ["X-Total"]}}
        route = {"match": {"path": "/a/", "methods": ["GET", "POST"]}, "upstream": f"http://127.0.0.1:{upstream.port}"}
        closed = {"name": "closed", "match": {"path": "/"}, "upstream": route["upstream"]}
        settings = config(upstream.port, examples.settings(tmp_path), routes=[{"name": "a", **route, **listed}, closed])
        async with serving(settings, tmp_path) as gateway:
            yield gateway, upstream


async def ask(gateway: Gateway, method: str, path: str, *lines: str) -> RawResponse:
    head = (f"{method} {path} HTTP/1.1", "Host: api.test", "Connection: close", *lines)
    return await exchange(gateway.port, "".join(f"{line}\r\n" for line in head).encode() + b"\r\n")


def preflight(origin: str, method: str = "POST") -> tuple[str, str, str]:
    return f"Origin: {origin}", f"Access-Control-Request-Method: {method}", "Access-Control-Request-Headers: x-api-key"


async def test_a_listed_pages_preflight_passes_without_a_credential_and_reaches_nobody(both: Both) -> None:
    gateway, upstream = both
    response = await ask(gateway, "OPTIONS", "/a/b", *preflight(PAGE))
    assert (response.status, response.body) == (204, b"")
    assert response.one(b"Access-Control-Allow-Origin") == PAGE.encode()
    assert response.one(b"Access-Control-Allow-Credentials") == b"true"
    assert response.one(b"Access-Control-Allow-Methods") == b"GET, POST"
    assert b"x-api-key" in (response.one(b"Access-Control-Allow-Headers") or b"")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/a/b", preflight("https://evil.example")),
        ("/a/b", preflight("null")),
        ("/a/b", preflight(f"{PAGE}.evil.example")),
        ("/a/b", preflight(PAGE, "DELETE")),
        ("/a/b", preflight(PAGE)[:1]),
        ("/closed", preflight(PAGE)),
    ],
)
async def test_no_other_preflight_passes(both: Both, path: str, lines: tuple[str, ...]) -> None:
    gateway, upstream = both
    response = await ask(gateway, "OPTIONS", path, *lines)
    assert response.status == 401
    assert response.all(b"Access-Control-Allow-Methods") == []
    assert upstream.requests == []


async def test_a_listed_page_reads_answers_and_refusals_and_the_upstreams_own_word_does_not_count(both: Both) -> None:
    gateway, upstream = both
    its_own = b"Access-Control-Allow-Origin: *\r\nVary: Accept\r\nX-Total: 5"
    upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + its_own + b"\r\n\r\nok"
    for key, status in ((PROJECT_KEY, 200), ("nobody's", 401)):
        response = await ask(gateway, "GET", "/a/b", f"X-Api-Key: {key}", f"Origin: {PAGE}")
        assert response.status == status
        assert response.all(b"Access-Control-Allow-Origin") == [PAGE.encode()]
        assert response.one(b"Access-Control-Expose-Headers") == b"X-Total"
        assert b"Origin" in response.all(b"Vary")
    assert [request.one(b"Origin") for request in upstream.requests] == [PAGE.encode()]


async def test_another_page_is_told_nothing_but_that_answers_differ(both: Both) -> None:
    response = await ask(both[0], "GET", "/a/b", "X-Api-Key: nobody's", "Origin: https://evil.example")
    assert response.all(b"Access-Control-Allow-Origin") == []
    assert b"Origin" in response.all(b"Vary")


async def test_a_listed_page_may_use_its_cookie_with_an_unsafe_method(both: Both) -> None:
    gateway, _ = both
    cookie = f"Cookie: __session={gateway.cookie}"
    assert (await ask(gateway, "POST", "/a/b", cookie, f"Origin: {PAGE}", "Content-Length: 0")).status == 200
    assert (
        await ask(gateway, "POST", "/a/b", cookie, "Origin: https://evil.example", "Content-Length: 0")
    ).status == 403
