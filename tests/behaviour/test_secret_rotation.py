"""Every secret is exchanged under load, replica after replica, as docs/SECRETS.md says: and nobody is refused."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import exchange
from tests.support.gateways.replicas import Fleet, Replica, callers, fleet
from tests.support.gateways.running import until
from tests.support.gateways.serving import (
    ADMIN_TOKEN,
    BEARER_SESSION,
    LOGIN_TOKEN,
    MEMBER_KEY,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    USER_ID,
    USER_KEY,
    Examples,
)
from tests.support.servers import redis_server
from tests.support.servers.issuer import EC_KEY, ISSUER, Jwks, jwk, sign
from tests.support.servers.low_level import listening

OLD, NEW = "the-old-secret-0123456789-0123456789", "the-new-secret-0123456789-0123456789"
BEFORE = f"{OLD}\n"
BESIDE = f"{OLD}\n{NEW}\n"
FIRST = f"{NEW}\n{OLD}\n"
ALONE = f"{NEW}\n"
STEPS = (BESIDE, FIRST, ALONE)

KEYS = [
    f"X-Api-Key: {PROJECT_KEY}",
    f"X-Api-Key: {MEMBER_KEY}",
    f"X-User-Api-Key: {USER_KEY}",
    f"X-Org-Api-Key: {ORGANIZATION_KEY}",
]
IDS = ("03", "13", "04", "05")
PAIR = f"X-User-Id: {USER_ID}\r\nX-Auth-Token: {LOGIN_TOKEN}"


@pytest.fixture
def shared(redis_url: str, key_prefix: str) -> dict[str, Any]:
    # On a busy machine Redis takes longer than the default of 50 ms, and a revocation that cannot be read is not known.
    return {"url": redis_url, "key_prefix": key_prefix, "timeout": "2s"}


async def test_the_servers_secret_is_exchanged(tmp_path: Path, examples: Examples, shared: dict[str, Any]) -> None:
    async with fleet(tmp_path, examples, shared) as two:
        fields = [*KEYS, PAIR, f"Authorization: Bearer {await two.token('bearer', BEARER_SESSION)}"]
        async with callers(two.both, fields) as asked:
            for step in STEPS:
                for replica in two.both:
                    await replica.take("secret", step)
                    await asked.further(2 * len(fields))
        assert asked.statuses == {200}


ENDED = [
    ({"user": USER_ID}, PAIR),
    *(
        ({"api_key": f"550e8400-e29b-41d4-a716-4466554400{number}"}, field)
        for number, field in zip(IDS, KEYS, strict=True)
    ),
    ({"session": BEARER_SESSION}, ""),
]
"""What is revoked, and the field of who shows it."""


async def test_a_revocation_reaches_a_replica_that_is_a_step_behind_or_ahead(
    tmp_path: Path, examples: Examples, shared: dict[str, Any]
) -> None:
    async with fleet(tmp_path, examples, shared) as two:
        bearer = f"Authorization: Bearer {await two.token('bearer', BEARER_SESSION)}"
        left = [(json.dumps(ended).encode(), field or bearer) for ended, field in ENDED]
        for step in STEPS:
            await two.one.take("secret", step)
            for teller, hearer in (two.both, two.both[::-1]):
                revoke, field = left.pop()
                assert [(await replica.gateway.ask("/echo/", field)).status for replica in two.both] == [200, 200]
                assert (await teller.gateway.admin("/revoke", revoke)).status == 200
                assert (await teller.gateway.ask("/echo/", field)).status == 401
                await until(partial(refuses, hearer, field))
            await two.other.take("secret", step)


async def refuses(replica: Replica, field: str) -> bool:
    return (await replica.gateway.ask("/echo/", field)).status == 401


async def test_what_was_revoked_before_stays_so_while_the_old_secret_is_kept_and_no_longer(
    tmp_path: Path, examples: Examples, shared: dict[str, Any]
) -> None:
    """No directory remembers for an issuer's tokens: what Redis remembers was written under the old secret."""
    jwks = Jwks(jwk(EC_KEY, "k1"))
    async with listening(jwks.answer) as port:
        tokens = {"kind": "jwt", "issuer": ISSUER, "audience": "orders", "algorithms": ["ES256"]}
        sections = {
            "authorities": {"tokens": tokens | {"jwks_url": f"http://127.0.0.1:{port}/jwks"}},
            "credentials": {"token": {"kind": "bearer", "authority": "tokens"}},
        }
        async with fleet(tmp_path, examples, shared, **sections) as two:
            now = int(wall_clock())
            claims = {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": now - 10, "exp": now + 3600}
            field = f"Authorization: Bearer {sign(claims)}"
            assert (await two.one.gateway.ask("/echo/", field)).status == 200
            assert (await two.one.gateway.admin("/revoke", b'{"user": "u1"}')).status == 200
            told = []
            for step in STEPS:
                await two.other.take("secret", step)
                told.append((await two.other.gateway.ask("/echo/", field)).status)
        assert told == [401, 401, 200]


def peppers(two: Fleet) -> set[str]:
    """Return which peppers the stored keys need, as the page's query does."""
    with contextlib.closing(
        sqlite3.connect(two.directory.url.get_secret_value().removeprefix("sqlite:///"))
    ) as database:
        rows = database.execute("SELECT substr(hash, 1, 11) AS pepper, count(*) FROM api_keys GROUP BY 1").fetchall()
    assert sum(count for _, count in rows) == len(KEYS)
    return {pepper for pepper, _ in rows}


async def test_a_pepper_is_exchanged_and_the_keys_that_are_used_follow_it(
    tmp_path: Path, examples: Examples, shared: dict[str, Any]
) -> None:
    async with fleet(tmp_path, examples, shared, cache={"fresh": "1ms"}) as two:
        (before,) = peppers(two)
        async with callers(two.both, KEYS) as asked:
            for step in (f"a-pepper\n{NEW}\n", f"{NEW}\na-pepper\n"):
                for replica in two.both:
                    await replica.take("pepper", step)
                    await asked.further(2 * len(KEYS))
            await asked.further(2 * len(KEYS))
            (after,) = peppers(two)
            assert after != before
            for replica in two.both:
                await replica.take("pepper", ALONE)
                await asked.further(2 * len(KEYS))
        assert asked.statuses == {200}


async def test_an_admin_token_is_exchanged(tmp_path: Path, examples: Examples, shared: dict[str, Any]) -> None:
    async with fleet(tmp_path, examples, shared) as two:

        async def told(token: str) -> int:
            fields = f"Authorization: Bearer {token}\r\nContent-Length: 12\r\n"
            raw = f'POST /revoke HTTP/1.1\r\nHost: h\r\n{fields}\r\n{{"user":"u"}}'.encode()
            return (await exchange(two.one.gateway.admin_port, raw)).status

        assert [await told(ADMIN_TOKEN), await told(NEW)] == [200, 403]
        await two.one.take("admin-token", f"{NEW}\n{ADMIN_TOKEN}\n")
        assert [await told(ADMIN_TOKEN), await told(NEW)] == [200, 200]
        await two.one.take("admin-token", ALONE)
        assert [await told(ADMIN_TOKEN), await told(NEW)] == [403, 200]


async def test_the_password_of_redis_is_exchanged_without_a_miss(tmp_path: Path, examples: Examples) -> None:
    with redis_server.running(redis_server.program(), "--requirepass", OLD) as server:
        url = "redis://:{password}@127.0.0.1:{port}/0"
        old, new = (url.format(password=each, port=server.port) for each in (OLD, NEW))
        redis = {"url_file": "{place}/redis-url", "timeout": "1s"}
        async with fleet(tmp_path, examples, redis, {"redis-url": old}) as two, callers(two.both, KEYS) as asked:
            async with contextlib.aclosing(Redis.from_url(old)) as administrator:
                await administrator.execute_command("ACL", "SETUSER", "default", f">{NEW}")
            for replica in two.both:
                await replica.take("redis-url", new)
                await asked.further(2 * len(KEYS))
            async with contextlib.aclosing(Redis.from_url(new)) as administrator:
                await administrator.execute_command("ACL", "SETUSER", "default", f"<{OLD}")
                await administrator.execute_command("CLIENT", "KILL", "TYPE", "normal")
            await asked.further(2 * len(KEYS))
            for replica in two.both:
                await replica.take("secret", BESIDE)  # another generation, which connects anew
                await asked.further(2 * len(KEYS))
                assert await replica.gateway.metric("gateway_redis_up") == 1
                assert await replica.gateway.metric("gateway_redis_episodes_total") == 0
        assert asked.statuses == {200}
