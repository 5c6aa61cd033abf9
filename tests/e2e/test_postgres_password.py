"""The database's password is exchanged under load, as docs/SECRETS.md says: by a second role, and nobody waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.gateways.on_postgres import accounts, load
from tests.support.gateways.replicas import callers, replicas
from tests.support.gateways.serving import ADMIN_TOKEN, PROJECT_KEY, USER_KEY, config
from tests.support.servers.postgres_server import PASSWORD, PostgresServer
from tests.support.servers.recording_upstream import recording_upstream

FIELDS = [f"X-Api-Key: {PROJECT_KEY}", f"X-User-Api-Key: {USER_KEY}"]
NEXT = "the-next-password"


async def test_a_second_role_takes_over_and_the_first_loses_its_password(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = await postgres.new_database()
    other = url.replace("//gateway:", "//gateway_b:").replace(PASSWORD, NEXT)
    described = accounts(url, tmp_path)
    await load(described)

    def settings(place: Path) -> dict[str, Any]:
        directory = {key: value for key, value in described.items() if key != "url"} | {"url_file": f"{place}/url"}
        listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_token": ADMIN_TOKEN, "watch": "0s"}
        # Every request asks the database, so that one moment without it would show.
        return config(upstream.port, directory, listen=listen, cache={"fresh": "1ms", "stale": "0s"})

    async with recording_upstream() as upstream, replicas(tmp_path, settings, {"url": url}) as both:
        async with callers(both, FIELDS) as asked:
            await asked.further(20)
            await postgres.execute(f"CREATE ROLE gateway_b LOGIN PASSWORD '{NEXT}' IN ROLE gateway")
            try:
                for replica in both:
                    await replica.take("url", other)
                    await asked.further(20)
                await postgres.execute("ALTER ROLE gateway NOLOGIN")
                await postgres.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'"
                )
                await asked.further(20)
            finally:
                await postgres.execute("ALTER ROLE gateway LOGIN")
        assert asked.statuses == {200}
    await postgres.execute("DROP ROLE gateway_b")
