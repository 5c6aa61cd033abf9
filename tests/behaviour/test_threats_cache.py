"""docs/THREATS.md section 5: the cache never answers for others, nor for longer, nor where it should not be read."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from tests.support.clients.raw_http import PATIENCE, exchange, raw_client
from tests.support.gateways.attacks import KEY, Victim, get, request, victim
from tests.support.gateways.serving import (
    ADMIN_TOKEN,
    BEARER_SESSION,
    COOKIE_SESSION,
    LOGIN_TOKEN,
    PROJECT_KEY,
    READERS,
    USER_ID,
    USER_KEY,
    Examples,
    Gateway,
    config,
    serving,
)
from tests.support.servers.issuer import EC_KEY, ISSUER, Clock, Jwks, jwk, sign
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import recording_upstream


def pair(user: str, token: str) -> tuple[bytes, bytes]:
    return b"X-User-Id: " + user.encode(), b"X-Auth-Token: " + token.encode()


async def test_parts_that_trade_a_character_are_another_credential(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path) as running:
        whole = USER_ID + LOGIN_TOKEN
        assert await running.misjudged([get(b"/echo/", *pair(USER_ID, LOGIN_TOKEN))], (200,), (b"/echo/",)) == []
        cuts = [get(b"/echo/", *pair(whole[:at], whole[at:])) for at in range(1, len(whole)) if at != len(USER_ID)]
        assert await running.misjudged(cuts, (401,)) == []
        assert await running.misjudged([get(b"/echo/", *pair(USER_ID, LOGIN_TOKEN))], (200,), (b"/echo/",)) == []


async def test_what_one_reader_found_is_nothing_to_another(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path) as running:
        secrets = {
            b"X-Api-Key: %b": PROJECT_KEY.encode(),
            b"X-User-Api-Key: %b": USER_KEY.encode(),
            b"Authorization: Bearer %b": running.gateway.bearer.encode(),
            b"Cookie: __session=%b": running.gateway.cookie.encode(),
        }
        for _ in range(2):  # unknown to the cache, and known
            for field, secret in secrets.items():
                assert await running.misjudged([get(b"/echo/", field % secret)], (200,), (b"/echo/",)) == []
                others = [get(b"/echo/", other % secret) for other in secrets if other != field]
                assert await running.misjudged(others, (401,)) == []


@contextlib.asynccontextmanager
async def issuing(examples: Examples, folder: Path, jwks: Jwks, **settings: object) -> AsyncIterator[Victim]:
    """A gateway that takes an issuer's tokens; `/read/` asks for one scope and `/write/` for another."""

    def routes(upstream: str) -> list[dict[str, Any]]:
        return [
            {"name": name, "match": {"path": f"/{name}/"}, "require": {"scopes": [name]}, "upstream": upstream}
            for name in ("read", "write")
        ]

    async with listening(jwks.answer) as port:
        issuer = {"kind": "jwt", "issuer": ISSUER, "audience": "orders", "algorithms": ["ES256"], **settings}
        issuer["jwks_url"] = f"http://127.0.0.1:{port}/jwks"
        credentials = READERS | {"token": {"kind": "bearer", "authority": ["tokens"]}}
        authorities = {"tokens": issuer, "accounts": examples.settings(folder)}
        async with victim(examples, folder, authorities=authorities, credentials=credentials, routes=routes) as running:
            yield running


def token(expires_at: float, scope: str = "read") -> bytes:
    claims = {"iss": ISSUER, "aud": "orders", "sub": "u1", "exp": expires_at, "scope": scope}
    return b"Authorization: Bearer " + sign(claims).encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of gateways that are started from now on."""
    clock = Clock(time.time())  # noqa: TID251 - near the real time, which some of what runs beside goes by
    monkeypatch.setattr("gateway.wiring.process.wall_clock", clock)
    return clock


async def test_a_cached_session_is_judged_by_the_route_it_is_shown_to(
    examples: Examples, tmp_path: Path, clock: Clock
) -> None:
    async with issuing(examples, tmp_path, Jwks(jwk(EC_KEY, "k1"))) as running:
        reader = token(clock.now + 300)
        for _ in range(2):
            assert await running.misjudged([get(b"/read/", reader)], (200,), (b"/read/",)) == []
            assert await running.misjudged([get(b"/write/", reader)], (403,)) == []
        writer = token(clock.now + 300, "write")
        assert await running.misjudged([get(b"/read/", writer)], (403,)) == []
        assert await running.misjudged([get(b"/write/", writer)], (200,), (b"/write/",)) == []


async def test_a_cached_token_is_over_at_its_expiry(examples: Examples, tmp_path: Path, clock: Clock) -> None:
    async with issuing(examples, tmp_path, Jwks(jwk(EC_KEY, "k1"))) as running:
        shown = get(b"/read/", token(int(clock.now) + 30))
        clock.now = int(clock.now) + 29.5
        assert await running.misjudged([shown, shown], (200,), (b"/read/",)) == []
        clock.now += 0.5
        assert await running.misjudged([shown, shown], (401,)) == []


@pytest.mark.parametrize("status", [500, 503, 404, 302, 429])
async def test_an_authority_that_fails_is_never_a_verdict(
    examples: Examples, tmp_path: Path, clock: Clock, status: int
) -> None:
    jwks = Jwks(jwk(EC_KEY, "k1"))
    async with issuing(examples, tmp_path, jwks, jwks_cooldown="1ms") as running:
        shown = get(b"/read/", token(clock.now + 300))
        jwks.status = status
        assert await running.misjudged([shown], (503,)) == []
        jwks.status = 200
        clock.now += 1
        assert await running.misjudged([shown], (200,), (b"/read/",)) == []


async def test_a_caller_who_leaves_in_the_middle_leaves_its_answer_to_nobody(
    examples: Examples, tmp_path: Path
) -> None:
    async with victim(examples, tmp_path) as running:
        bearer = b"Authorization: Bearer " + running.gateway.bearer.encode()
        for _ in range(30):
            async with raw_client(running.gateway.port) as client:
                await client.send(request(b"GET /echo/left HTTP/1.1", KEY))
                client.abort()
            seen = await running.attack(get(b"/echo/", bearer))
            assert [received.all(b"x-auth-method") for received in seen.received if received.target == b"/echo/"] == [
                [b"bearer"]
            ]
            assert [response.body for response in seen.responses] == [b"ok"]


@contextlib.asynccontextmanager
async def two_replicas(
    examples: Examples, folder: Path, redis_url: str, key_prefix: str
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways that share a directory and a Redis, in front of one upstream."""
    async with recording_upstream() as upstream, contextlib.AsyncExitStack() as stack:
        redis_section = {"url": redis_url, "key_prefix": key_prefix}
        accounts = examples.settings(folder)
        replicas = []
        for name in ("one", "two"):
            own = folder / name
            own.mkdir()
            settings = config(upstream.port, accounts, redis=redis_section)
            replicas.append(await stack.enter_async_context(serving(settings, own)))
        yield replicas[0], replicas[1]


async def test_what_is_revoked_at_one_replica_is_over_at_the_other(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    async with two_replicas(examples, tmp_path, redis_url, key_prefix) as (one, two):
        shown = get(b"/echo/", b"Authorization: Bearer " + one.bearer.encode())
        for replica in (one, two):
            assert (await exchange(replica.port, shown)).status == 200
        body = b'{"session": "%b"}' % BEARER_SESSION.encode()
        fields = (b"Authorization: Bearer " + ADMIN_TOKEN.encode(), b"Content-Length: %d" % len(body))
        told = await exchange(one.admin_port, request(b"POST /revoke HTTP/1.1", *fields, body=body))
        assert told.status == 200
        assert (await exchange(one.port, shown)).status == 401
        async with asyncio.timeout(PATIENCE):
            while (await exchange(two.port, shown)).status != 401:
                pass
        for replica in (one, two, one, two):
            assert (await exchange(replica.port, shown)).status == 401


async def test_redis_and_the_log_hold_no_secret_and_no_readable_session(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    async with two_replicas(examples, tmp_path, redis_url, key_prefix) as (gateway, _):
        credentials = (
            (KEY,),
            (b"X-User-Api-Key: " + USER_KEY.encode(),),
            (b"Authorization: Bearer " + gateway.bearer.encode(),),
            (b"Cookie: __session=" + gateway.cookie.encode(),),
            pair(USER_ID, LOGIN_TOKEN),
            (b"X-Api-Key: garbage-garbage-garbage",),
        )
        for fields in credentials:
            assert (await exchange(gateway.port, get(b"/echo/", *fields))).status in {200, 401}
        held = await everything(redis_url, key_prefix)
        metrics = (await exchange(gateway.admin_port, get(b"/metrics"))).body
        log = gateway.log()
        secrets = [PROJECT_KEY, USER_KEY, gateway.bearer, gateway.cookie, LOGIN_TOKEN, "garbage-garbage"]
    assert held.count(b"\n") >= len(credentials) - 1
    readable = [BEARER_SESSION, COOKIE_SESSION, USER_ID, "john.doe", "user@example.com", "Acme", "admin", "org_abc"]
    assert [text for text in (*secrets, *readable) if text.encode() in held] == []
    assert [text for text in secrets if text.encode() in log + metrics] == []
    assert [text for text in readable[:5] if text.encode() in metrics] == []


async def everything(url: str, prefix: str) -> bytes:
    """Return every key and value under a prefix, as they lie there."""
    held = []
    async with redis.asyncio.from_url(url) as client:
        async for key in client.scan_iter(match=prefix + "*"):
            kind = await client.type(key)
            if kind == b"string":
                value = await client.get(key)
            elif kind == b"set":
                value = b" ".join(await client.smembers(key))
            elif kind == b"zset":
                value = b" ".join(await client.zrange(key, 0, -1))
            else:
                value = repr(await client.hgetall(key)).encode()
            held.append(key + b" " + (value or b""))
    return b"\n".join(held) + b"\n"
