"""The whole gateway on a PostgreSQL directory: while it works, is slow, full, gone, back, and only readable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import trustme

from gateway.authorities.directory import DirectorySettings, open_peppers
from gateway.directory.issuing import open_current
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.model.errors import DirectoryError
from gateway.model.revocation import Ended
from gateway.runtime.generation import open_generation
from gateway.runtime.process import Process
from gateway.runtime.settings import Settings
from gateway.signing import KeyRing
from tests.support.commands import gateway as command
from tests.support.configs import SECRET, written
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.raw_http import RawResponse, exchange
from tests.support.recording_upstream import recording_upstream
from tests.support.serving import (
    BEARER_SESSION,
    COOKIE_SESSION,
    LOGIN_TOKEN,
    MEMBER_KEY,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    RECORDS,
    USER_ID,
    USER_KEY,
    Gateway,
    config,
    serving,
)

KINDS = ["project key", "member's key", "user key", "organization key", "bearer", "cookie", "pair"]
PATIENCE = 30.0


def accounts(url: str, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the config of a directory on `url`."""
    keys = folder / "keys.pem"
    keys.write_bytes(KeyRing.generate().to_pem())
    tokens = {"issuer": "http://gateway.test", "audience": "gateway", "keys_file": str(keys)}
    return {"kind": "directory", "url": url, "pepper": "a-pepper", "tokens": tokens, **more}


async def nobody(_: Ended) -> None:
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


@contextlib.asynccontextmanager
async def away(postgres: PostgresServer) -> AsyncIterator[None]:
    """Take the database away for a while."""
    with contextlib.ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, postgres.away())
        yield
        await asyncio.to_thread(stack.close)


async def ask(gateway: Gateway, kind: str) -> RawResponse:
    lines = {
        "project key": f"X-Api-Key: {PROJECT_KEY}",
        "member's key": f"X-Api-Key: {MEMBER_KEY}",
        "user key": f"X-User-Api-Key: {USER_KEY}",
        "organization key": f"X-Org-Api-Key: {ORGANIZATION_KEY}",
        "bearer": f"Authorization: Bearer {gateway.bearer}",
        "cookie": f"Cookie: __session={gateway.cookie}",
        "pair": f"X-User-Id: {USER_ID}\r\nX-Auth-Token: {LOGIN_TOKEN}",
    }
    shown = lines.get(kind, f"X-Api-Key: {kind}")
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


async def test_every_kind_of_credential_is_known(postgres: PostgresServer, tmp_path: Path) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        assert [(await ask(gateway, kind)).status for kind in KINDS] == [200] * len(KINDS)
        assert (await ask(gateway, "sk_live_unheard_of")).status == 401
        assert PASSWORD.encode() not in gateway.log()


async def test_without_the_database_nobody_is_called_a_stranger(postgres: PostgresServer, tmp_path: Path) -> None:
    """Who was here before is served from what is known of him; whoever was not hears when to come again."""
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path, cache={"fresh": "1ms", "stale": "10m"}) as gateway:
        assert (await ask(gateway, "project key")).status == 200
        async with away(postgres):
            refused = [await ask(gateway, kind) for kind in [*KINDS[1:], "sk_live_unheard_of"]]
            served = await ask(gateway, "project key")
        assert {answer.status for answer in refused} == {503}
        assert all(int(answer.one(b"retry-after") or b"0") >= 1 for answer in refused)
        assert served.status == 200
        assert b'"stale":true' in gateway.log()
        assert [(await ask_patiently(gateway, kind)).status for kind in KINDS] == [200] * len(KINDS)
        assert (await ask_patiently(gateway, "sk_live_unheard_of")).status == 401


async def test_a_database_that_was_restarted_is_noticed_by_nobody(postgres: PostgresServer, tmp_path: Path) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        assert (await ask(gateway, "project key")).status == 200
        async with away(postgres):
            pass
        assert (await ask(gateway, "bearer")).status == 200


async def test_a_database_that_hangs_costs_a_bounded_number_of_connections(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    described = accounts(await postgres.new_database(), tmp_path, timeout="300ms", connections=2)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        assert (await ask(gateway, "bearer")).status == 200
        blocker = await asyncpg.connect(described["url"])
        counting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'gateway' AND pid <> pg_backend_pid()"
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.gather(*(ask(gateway, f"sk_live_{number}") for number in range(20)))
            refused = await waiting
            assert await blocker.fetchval(counting) <= 4  # twice `connections`: those that are kept, and a rush
        await blocker.close()
        assert {answer.status for answer in refused} == {503}
        assert (await ask_patiently(gateway, "project key")).status == 200


async def test_a_database_that_is_full_is_no_reason_to_turn_anybody_away(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    name = described["url"].rpartition("/")[2]
    async with gateway_on(described, tmp_path) as gateway:
        await postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        await postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'")
        assert (await ask(gateway, "project key")).status == 503
        await postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        assert (await ask_patiently(gateway, "project key")).status == 200


async def test_a_standby_that_only_reads_is_enough_to_serve(postgres: PostgresServer, tmp_path: Path) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    name = described["url"].rpartition("/")[2]
    await postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    described["pepper"] = ["another-pepper", "a-pepper"]  # so that each key would be hashed anew
    async with gateway_on(described, tmp_path) as gateway:
        assert [(await ask(gateway, kind)).status for kind in KINDS] == [200] * len(KINDS)


async def test_the_database_s_certificate_is_checked(postgres: PostgresServer, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().cert_pem.write_to_path(foreign)
    url = await postgres.new_database()
    described = accounts(f"{url}?sslmode=verify-full&sslrootcert={postgres.authority}&application_name=gw", tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        assert (await ask(gateway, "project key")).status == 200
        reader = await asyncpg.connect(url)
        encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'gw'"
        assert {row["ssl"] for row in await reader.fetch(encrypted)} == {True}
        await reader.close()
    for spoiled in (
        f"{url}?sslmode=verify-full&sslrootcert={foreign}",
        f"{url}?sslmode=verify-full",
        f"{url.replace('127.0.0.1', 'localhost')}?sslrootcert={postgres.authority}",
    ):
        with pytest.raises(DirectoryError, match="the directory cannot be asked"):
            await migrate(spoiled)
    await migrate(f"{url.replace('127.0.0.1', 'localhost')}?sslmode=verify-ca&sslrootcert={postgres.authority}")


async def test_replicas_that_start_together_migrate_in_turn(postgres: PostgresServer, tmp_path: Path) -> None:
    """Each is a process of its own, as containers are; the records go in by command too."""
    url = await postgres.new_database()
    path = written(
        tmp_path,
        f"""\
secret: {SECRET}
authorities:
  accounts: {{kind: directory, url: "{url}", pepper: {SECRET}}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
routes:
  - {{name: echo, match: {{path: /echo/}}, upstream: "http://127.0.0.1:1"}}
""",
    )
    migrating = (asyncio.to_thread(command, "directory", "migrate", "-c", path) for _ in range(3))
    ended = await asyncio.gather(*migrating)
    assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 3
    loaded = await asyncio.to_thread(command, "directory", "load", "-c", path, RECORDS)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    explained = await asyncio.to_thread(
        command, "explain", "-c", path, "-H", f"X-Api-Key: {PROJECT_KEY}", "GET", "/echo/"
    )
    assert "decision:    allowed" in explained.stdout.splitlines()


async def test_activity_reaches_the_row(postgres: PostgresServer, tmp_path: Path) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        reader = await asyncpg.connect(described["url"])
        noted = "SELECT last_activity_at FROM sessions WHERE id = $1"
        before = {each: await reader.fetchval(noted, each) for each in (BEARER_SESSION, COOKIE_SESSION)}
        assert (await ask(gateway, "bearer")).status == 200
        async with asyncio.timeout(PATIENCE):
            while await reader.fetchval(noted, BEARER_SESSION) == before[BEARER_SESSION]:
                pass  # noted off the request's path: each round asks the database again
        assert await reader.fetchval(noted, COOKIE_SESSION) == before[COOKIE_SESSION]
        await reader.close()


@pytest.mark.parametrize("spoil", ["password", "database", "port"])
async def test_a_url_that_leads_nowhere_is_told_without_its_password(
    postgres: PostgresServer, tmp_path: Path, spoil: str, unused_tcp_port: int
) -> None:
    url = await postgres.new_database()
    wrong = {
        "password": url.replace(PASSWORD, "a-wrong-password"),
        "database": f"{url}_too_many",
        "port": url.replace(str(postgres.port), str(unused_tcp_port)),
    }[spoil]
    settings = Settings.model_validate(config(1, accounts(wrong, tmp_path)))
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        with pytest.raises(DirectoryError, match="the directory cannot be asked") as told:
            await open_generation(settings, process)
        await process.close()
    assert "password" not in str(told.value)
