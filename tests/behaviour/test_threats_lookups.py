"""docs/THREATS.md, "One caller is not the authority": an odd credential shuts nobody else out of a whole gateway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.gateways.attacks import KEY, Victim, get, victim
from tests.support.gateways.serving import LOGIN_TOKEN, READERS, USER_ID, Examples
from tests.support.servers.low_level import Handler, listening

GOOD = {"user": {"id": "u1"}, "active": True}


@contextlib.asynccontextmanager
async def asking(
    examples: Examples, folder: Path, answer: Handler, kind: dict[str, Any], **sections: Any
) -> AsyncIterator[Victim]:
    """A gateway whose bearer tokens an authority on a socket knows."""
    async with listening(answer) as port:
        authority = {"url": f"http://127.0.0.1:{port}/who", "timeout": "2s", **kind}
        credentials = READERS | {"token": {"kind": "bearer", "authority": ["remote"]}}
        authorities = {"remote": authority, "accounts": examples.settings(folder)}
        async with victim(examples, folder, authorities=authorities, credentials=credentials, **sections) as running:
            yield running


def bearer(token: str) -> bytes:
    return get(b"/echo/", b"Authorization: Bearer " + token.encode())


INTROSPECTION = {"kind": "introspection", "client_id": "gw", "client_secret": "s3cret"}


@pytest.mark.parametrize("status", [400, 431, 429, 302])
async def test_odd_tokens_shut_no_good_one_out(examples: Examples, tmp_path: Path, status: int) -> None:
    """As of an introspection endpoint that says 400 to an absurd token, or 431 to one that is too long for it."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        form = (await request.read()).decode()
        if "absurd" in form or len(form) > 8192:
            return web.Response(status=status, text="Bad Request", headers={"Location": "/elsewhere"})
        return web.json_response({"active": True, "sub": "u1"})

    kind = {**INTROSPECTION, "credential_bytes": 20_000}
    async with asking(examples, tmp_path, answer, kind) as running:
        for number in range(20):
            assert await running.misjudged([bearer(f"absurd-{number}"), bearer(f"{number}" * 9000)], (503,)) == []
            assert await running.misjudged([bearer(f"good-{number}")], (200,), (b"/echo/",)) == []


async def test_a_key_that_is_too_long_is_401_and_never_sent(examples: Examples, tmp_path: Path) -> None:
    asked = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(await request.read())
        return web.Response(status=431)

    async with asking(examples, tmp_path, answer, INTROSPECTION) as running:
        assert await running.misjudged([bearer("k" * 17_000)], (401,)) == []
    assert asked == []


async def ask(running: Victim, token: str, address: str) -> int:
    """Ask from an address of loopback's own, and return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.gateway.port, local_addr=(address, 0))
    writer.write(bearer(token))
    status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
    writer.close()
    return status


async def test_a_flood_of_made_up_keys_is_a_queue_of_its_own(examples: Examples, tmp_path: Path) -> None:
    """As of an authority that takes a while: the flood's queue alone would last for minutes."""
    flooded = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        token = (await request.read()).decode()
        flooded.set()
        await asyncio.sleep(0.2)
        return web.json_response({"active": "good" in token, "sub": "u1"})

    kind = {**INTROSPECTION, "connections": 5}
    async with asking(examples, tmp_path, answer, kind) as running:
        flood = asyncio.gather(*(ask(running, f"made-up-{number}", "127.0.0.2") for number in range(600)))
        await flooded.wait()
        good = await asyncio.gather(*(ask(running, f"good-{number}", f"127.0.1.{number + 1}") for number in range(4)))
        assert good == [200] * 4
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)


async def test_an_address_that_makes_keys_up_is_429_and_known_sessions_are_served(
    examples: Examples, tmp_path: Path
) -> None:
    asked = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        token = (await request.read()).decode()
        asked.append(token)
        return web.json_response({"active": "good" in token, "sub": "u1"})

    limits = {"rejected_lookups": {"rate": "1/h", "burst": 20}}
    async with asking(examples, tmp_path, answer, INTROSPECTION, limits=limits) as running:
        assert await ask(running, "good-known", "127.0.0.2") == 200
        statuses = [await ask(running, f"made-up-{number}", "127.0.0.2") for number in range(30)]
        assert statuses == [401] * 20 + [429] * 10
        assert len(asked) == 21
        assert await ask(running, "good-known", "127.0.0.2") == 200
        assert await ask(running, "good-unknown", "127.0.0.2") == 429
        assert await ask(running, "good-unknown", "127.0.0.3") == 200


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://127.0.0.1:{port}",
        "redis://127.0.0.1:{port}/0",
        "redis+sentinel://127.0.0.1:{port}/mymaster/0",
        "redis://no-such-host.invalid:{port}/0",
        "unix:///no/such/socket?db=0",
    ],
)
async def test_a_redis_that_is_not_there_is_a_miss_by_every_way_to_it_and_the_metric_says_so(
    examples: Examples, tmp_path: Path, url: str, unused_tcp_port: int
) -> None:
    """Public routes with a limit too: each would be a 500 if an exception of the client library came through."""

    def routes(upstream: str) -> list[dict[str, Any]]:
        limit = {"per": "address", "rate": "100/s", "burst": 100}
        common = {"upstream": upstream, "rate_limit": limit}
        return [
            {"name": "public", "match": {"path": "/public/"}, "access": "public", **common},
            {"name": "echo", "match": {"path": "/echo/"}, **common},
        ]

    redis = {"url": url.format(port=unused_tcp_port), "timeout": "1s"}
    async with victim(examples, tmp_path, redis=redis, routes=routes) as running:
        for _ in range(4):
            assert await running.misjudged([get(b"/public/a")], (200,), (b"/public/a",)) == []
            assert await running.misjudged([get(b"/echo/a", KEY)], (200,), (b"/echo/a",)) == []
            assert await running.misjudged([get(b"/echo/a", b"X-Api-Key: made-up")], (401,)) == []
        registry = running.gateway.process.metrics.registry
        assert registry.get_sample_value("gateway_redis_up") == 0
        assert (registry.get_sample_value("gateway_redis_episodes_total") or 0) >= 1


@pytest.mark.parametrize(
    "session_id",
    ["%00", "a%00b", "%0a", "x" * 3000, "%ed%a0%80", "%e2%80%ae", "%f0%9f%98%80", "%ff", "'%20OR%20'1'='1"],
)
async def test_an_id_that_no_session_has_is_answered_as_no_such_session(
    examples: Examples, tmp_path: Path, session_id: str
) -> None:
    """By any user who is logged in; on PostgreSQL a NUL was an outage of the whole directory."""
    info = [{"dialect": "rocketchat", "credentials": ["pair"]}]
    pair = (b"X-User-Id: " + USER_ID.encode(), b"X-Auth-Token: " + LOGIN_TOKEN.encode())
    target = f"/api/v1/sessions/info?sessionId={session_id}".encode()
    async with victim(examples, tmp_path, session_info=info) as running:
        for _ in range(5):
            assert await running.misjudged([get(target, *pair)], (400,)) == []
        assert await running.misjudged([get(b"/echo/", KEY)], (200,), (b"/echo/",)) == []
        assert await running.misjudged([get(b"/echo/", *pair)], (200,), (b"/echo/",)) == []
