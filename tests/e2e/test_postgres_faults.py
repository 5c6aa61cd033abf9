"""The whole gateway while its database is gone, back, hanging, full, or only readable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from tests.support.gateways.on_postgres import KINDS, accounts, ask, ask_patiently, gateway_on, load
from tests.support.servers.postgres_server import PostgresServer


@contextlib.asynccontextmanager
async def away(postgres: PostgresServer) -> AsyncIterator[None]:
    """Take the database away for a while."""
    with contextlib.ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, postgres.away())
        yield
        await asyncio.to_thread(stack.close)


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
