"""Rate limits from outside: what callers are told, and how replicas count together as long as they can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, Examples, Gateway, config, serving
from tests.support.servers import redis_server
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream


def routes(port: int, **limit: Any) -> list[dict[str, Any]]:
    upstream = f"http://127.0.0.1:{port}"
    of = {"rate": "1/h", "burst": 4, **limit}
    return [
        {"name": "keys", "match": {"path": "/keys/"}, "upstream": upstream, "rate_limit": {"per": "api_key", **of}},
        {"name": "all", "match": {"path": "/all/"}, "access": "public", "upstream": upstream}
        | {"rate_limit": {"per": "address", **of}},
        {"name": "free", "match": {"path": "/free/"}, "access": "public", "upstream": upstream},
    ]


async def ask(gateway: Gateway, path: str, key: str = PROJECT_KEY) -> RawResponse:
    return await exchange(
        gateway.port, f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Api-Key: {key}\r\n\r\n".encode()
    )


@pytest.fixture
async def upstream() -> AsyncIterator[RecordingUpstream]:
    async with recording_upstream() as running:
        yield running


async def replicas(
    stack: AsyncExitStack, count: int, examples: Examples, folder: Path, port: int, **sections: Any
) -> list[Gateway]:
    running = []
    for number in range(count):
        own = folder / f"replica-{number}"
        own.mkdir()
        settings = config(port, examples.settings(own), **{"routes": routes(port), **sections})
        running.append(await stack.enter_async_context(serving(settings, own)))
    return running


async def test_a_caller_is_told_how_it_stands_and_when_to_come_back(
    examples: Examples, tmp_path: Path, upstream: RecordingUpstream
) -> None:
    async with AsyncExitStack() as stack:
        (gateway,) = await replicas(stack, 1, examples, tmp_path, upstream.port)
        responses = [await ask(gateway, "/keys/") for _ in range(6)]
        assert [response.status for response in responses] == [200] * 4 + [429] * 2
        left = [response.one(b"RateLimit") for response in responses]
        assert [value.partition(b";t=")[0] for value in left if value] == [
            b'"api_key";r=%d' % n for n in (3, 2, 1, 0, 0, 0)
        ]
        assert {response.one(b"RateLimit-Policy") for response in responses} == {b'"api_key";q=4;w=14400'}
        assert 0 < int(responses[4].one(b"Retry-After") or 0) <= 3600
        assert (await ask(gateway, "/keys/", MEMBER_KEY)).status == 200, "another key has a bucket of its own"
        assert (await ask(gateway, "/free/")).all(b"RateLimit") == []
        assert len(upstream.requests) == 6


async def test_the_upstreams_own_account_of_a_limit_gives_way(
    examples: Examples, tmp_path: Path, upstream: RecordingUpstream
) -> None:
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nRateLimit: "x";r=9;t=9\r\n\r\n'
    async with AsyncExitStack() as stack:
        (gateway,) = await replicas(stack, 1, examples, tmp_path, upstream.port)
        assert len((await ask(gateway, "/all/")).all(b"RateLimit")) == 1
        assert (await ask(gateway, "/free/")).all(b"RateLimit") == [b'"x";r=9;t=9']


@pytest.fixture
def one_redis(redis_url: str, key_prefix: str) -> dict[str, Any]:
    return {"url": redis_url, "key_prefix": key_prefix, "timeout": "2s"}


@pytest.mark.parametrize(("shared", "passed"), [(True, 4), (False, 8)])
async def test_replicas_count_together_where_they_share_a_redis(
    one_redis: dict[str, Any],
    upstream: RecordingUpstream,
    examples: Examples,
    tmp_path: Path,
    shared: bool,
    passed: int,
) -> None:
    sections = {"redis": one_redis, "routes": routes(upstream.port, shared=shared)}
    async with AsyncExitStack() as stack:
        both = await replicas(stack, 2, examples, tmp_path, upstream.port, **sections)
        statuses = [(await ask(both[number % 2], "/all/")).status for number in range(12)]
    assert statuses.count(200) == passed
    assert statuses.count(429) == 12 - passed


async def test_when_redis_goes_each_replica_keeps_the_limit_by_itself(
    examples: Examples, tmp_path: Path, upstream: RecordingUpstream
) -> None:
    async with AsyncExitStack() as stack:
        with redis_server.running(redis_server.program()) as server:
            sections = {"redis": {"url": server.url, "timeout": "500ms"}}
            both = await replicas(stack, 2, examples, tmp_path, upstream.port, **sections)
            assert [(await ask(gateway, "/all/")).status for gateway in both] == [200, 200]
        statuses = [(await ask(both[number % 2], "/all/")).status for number in range(12)]
    assert statuses.count(200) == 6, "three tokens were left in each local bucket"
    assert set(statuses) == {200, 429}


async def test_callers_behind_a_translator_are_counted_by_their_ipv4_address(
    examples: Examples, tmp_path: Path, upstream: RecordingUpstream
) -> None:
    async with AsyncExitStack() as stack:
        sections = {"routes": routes(upstream.port, burst=2), "trusted_proxies": ["127.0.0.0/8"]}
        (gateway,) = await replicas(stack, 1, examples, tmp_path, upstream.port, **sections)

        async def status(client: str) -> int:
            lines = f"Host: a.test\r\nConnection: close\r\nX-Forwarded-For: {client}\r\n\r\n"
            return (await exchange(gateway.port, f"GET /all/ HTTP/1.1\r\n{lines}".encode())).status

        same = ["64:ff9b::192.0.2.1", "::ffff:0:192.0.2.1", "192.0.2.1", "2002:c000:201::7", "64:ff9b:1::c000:201"]
        assert [await status(client) for client in same] == [200, 200, 429, 429, 429]
        assert [await status(f"64:ff9b::192.0.2.{last}") for last in range(2, 8)] == [200] * 6
