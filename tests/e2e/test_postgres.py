"""The whole gateway, its migrations and its commands on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
import trustme

from gateway.config.settings import Settings
from gateway.directory.migrating import migrate
from gateway.directory.schema import require_current
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, OddQuestionError, SchemaError
from gateway.wiring.generation import open_generation
from gateway.wiring.process import Process
from tests.support.builders.configs import SECRET, written
from tests.support.clients.commands import gateway as command
from tests.support.gateways.on_postgres import KINDS, PATIENCE, accounts, ask, gateway_on, load
from tests.support.gateways.serving import BEARER_SESSION, COOKIE_SESSION, PROJECT_KEY, RECORDS, config
from tests.support.servers.postgres_server import PASSWORD, PostgresServer


async def test_every_kind_of_credential_is_known(postgres: PostgresServer, tmp_path: Path) -> None:
    described = accounts(await postgres.new_database(), tmp_path)
    await load(described)
    async with gateway_on(described, tmp_path) as gateway:
        assert [(await ask(gateway, kind)).status for kind in KINDS] == [200] * len(KINDS)
        assert (await ask(gateway, "sk_live_unheard_of")).status == 401
        assert PASSWORD.encode() not in gateway.log()


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
    assert (loaded.returncode, loaded.stdout.startswith("loaded 2 organizations, ")) == (0, True)
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


async def test_tables_that_may_not_be_read_are_told_from_tables_that_are_not_there(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    directory = Directory.open(url)
    with pytest.raises(SchemaError, match="no tables yet"):
        await require_current(directory)
    await migrate(url)
    await require_current(directory)
    owner = await asyncpg.connect(url)
    await owner.execute("REVOKE SELECT ON alembic_version FROM gateway")
    await owner.close()
    with pytest.raises(DirectoryError, match=r"cannot be asked: .*: this user may not read or write there$") as told:
        await require_current(directory)
    assert not isinstance(told.value, SchemaError)
    await directory.close()


@pytest.mark.parametrize("session_id", ["\0", "a\0b", "\ud800"])
async def test_a_value_that_postgresql_cannot_take_is_no_outage(postgres: PostgresServer, session_id: str) -> None:
    url = await postgres.new_database()
    await migrate(url)
    directory = Directory.open(url)
    with pytest.raises(OddQuestionError, match="cannot answer this"):
        await directory.session_by_id(session_id)
    assert await directory.session_by_id("nobody's") is None
    await directory.close()


async def test_databases_are_migrated_side_by_side_and_one_of_them_in_turn(postgres: PostgresServer) -> None:
    urls = [await postgres.new_database() for _ in range(2)]
    await asyncio.gather(*map(migrate, urls), *map(migrate, urls))
    for url in urls:
        directory = Directory.open(url)
        await require_current(directory)
        await directory.close()


@pytest.mark.parametrize("spoil", ["password", "database", "port", "tls"])
async def test_a_url_that_leads_nowhere_is_told_by_host_database_and_user(
    postgres: PostgresServer, tmp_path: Path, spoil: str, unused_tcp_port: int
) -> None:
    url = await postgres.new_database()
    name = url.rpartition("/")[2]
    port = unused_tcp_port if spoil == "port" else postgres.port
    wrong, words = {
        "password": (url.replace(PASSWORD, "hunter2%2F%40%3A%23"), "it does not take this user with this password"),
        "database": (f"{url}_too_many", "there is no such database"),
        "port": (url.replace(str(postgres.port), str(port)), "nobody listens there (connection refused)"),
        "tls": (f"{url}?sslmode=verify-full", "its certificate is not trusted: unable to get local issuer certificate"),
    }[spoil]
    settings = Settings.model_validate(config(1, accounts(wrong, tmp_path)))
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        with pytest.raises(DirectoryError) as told:
            await open_generation(settings, process)
        await process.close()
    database = f"{name}_too_many" if spoil == "database" else name
    where = f"the database {database} at 127.0.0.1:{port}, as gateway"
    assert str(told.value) == f"the directory cannot be asked: {where}: {words}"


async def test_a_url_of_a_managed_service_is_taken(postgres: PostgresServer, unused_tcp_port: int) -> None:
    """Several hosts, of which one is gone, and what such a service writes behind the question mark."""
    url = (await postgres.new_database()).replace("postgresql://", "postgres://")
    here = f"127.0.0.1:{postgres.port}"
    asked = "sslmode=require&channel_binding=prefer&connect_timeout=5&target_session_attrs=read-write"
    several = f"{url.replace(here, f'127.0.0.1:{unused_tcp_port},{here}')}?{asked}&options=-csearch_path%3Dpublic"
    await migrate(several)
    directory = Directory.open(several)
    await require_current(directory)
    await directory.close()
    with pytest.raises(DirectoryError, match="no host is what target_session_attrs asks for"):
        await migrate(f"{url}?target_session_attrs=standby")
