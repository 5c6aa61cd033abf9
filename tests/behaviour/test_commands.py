"""The commands of one deployment, from an empty folder to a revoked key, as an operator types them."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from gateway.demo.echo import start_echo
from gateway.directory.migrating import migrate
from gateway.signing import KeyRing
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import DEMO_RECORDS, MEMGHOST_SESSION, PROJECT_KEY
from tests.support.clients.commands import ENVIRONMENT, gateway
from tests.support.repository import ROOT

MEMBER = "550e8400-e29b-41d4-a716-446655440002"
PROJECT = "550e8400-e29b-41d4-a716-446655440000"
KEY = "550e8400-e29b-41d4-a716-446655440003"
PATIENCE = 20.0


def config(folder: Path, upstream_port: int, admin_port: int, more: str = "") -> Path:
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    return written(
        folder,
        f"""\
listen: {{public: "127.0.0.1:0", admin: "127.0.0.1:{admin_port}", admin_token: {SECRET}}}
secret: {SECRET}
authorities:
  accounts:
    kind: directory
    url: sqlite:///{folder / "directory.db"}
    pepper: {SECRET}
    tokens: {{issuer: gateway, audience: gateway, keys_file: {folder / "keys.pem"}}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
  token: {{kind: bearer, authority: accounts}}
routes:
  - {{name: echo, match: {{path: /echo/}}, upstream: "http://127.0.0.1:{upstream_port}"}}
{more}""",
    )


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[str]:
    """Run `gateway serve`; hand out the public URL, and see it end with 0 on SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "-c", str(path)),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = 0
        while not port:
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
            assert line, (await process.communicate())[1].decode()
            port = json.loads(line).get("public", 0)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert (process.returncode, errors) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(*arguments: object) -> str:
    """Run a command that must succeed; return what it printed."""
    ended = await asyncio.to_thread(gateway, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.rstrip("\n")


async def status_of(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


async def becomes(status: int, url: str, headers: dict[str, str]) -> None:
    """Wait for the news, which is on its way over Redis: far sooner than what is cached would end by itself."""
    async with asyncio.timeout(PATIENCE):
        while await status_of(url, **headers) != status:
            pass


async def test_a_deployment_from_an_empty_folder_to_a_revoked_key(tmp_path: Path, unused_tcp_port: int) -> None:
    echo = await start_echo("127.0.0.1", 0)
    path = config(tmp_path, echo.port, unused_tcp_port)
    assert await run("directory", "migrate", "-c", path) == "the schema of accounts is up to date"
    assert (await run("directory", "load", "-c", path, DEMO_RECORDS)).startswith("loaded 2 organizations, ")
    created = await asyncio.to_thread(
        gateway, "directory", "key", "create", "-c", path, "--member", MEMBER, "--project", PROJECT, "--ttl", "1h"
    )
    key, key_id = created.stdout.strip(), created.stderr.strip().rpartition(" ")[2]
    token = await run("directory", "token", "-c", path, "--session", MEMGHOST_SESSION)
    explained = await run("explain", "-c", path, "-H", f"X-Api-Key: {key}", "GET", "/echo/")
    assert "decision:    allowed" in explained.splitlines()
    assert key not in explained
    case = await run(
        "explain", "--case", "-c", path, "-H", f"X-Api-Key: {key}", "-H", "Accept: */*", "GET", "/echo/a?b=c"
    )
    assert key not in case
    cases = tmp_path / "cases.yaml"
    cases.write_text(f"cases:\n{case}\n", encoding="utf-8")
    assert await run("test", "-c", path, cases) == f"{cases}: 1 case, all judged as expected"
    async with served(path) as url:
        bearer = f"Bearer {token}"
        assert await status_of(f"{url}/echo/", **{"X-Api-Key": key}) == 200
        assert await status_of(f"{url}/echo/", Authorization=bearer) == 200
        assert await status_of(f"{url}/echo/") == 401
        assert "\nREFUSALS" in await run("top", "-c", path, "--once", "--interval", "1")
        # The gateway holds both in memory, fresh for a minute: only news from the commands can end them now.
        assert await run("directory", "key", "delete", "-c", path, key_id) == f"deleted {key_id}"
        assert await status_of(f"{url}/echo/", **{"X-Api-Key": key}) == 401
        said = await run("revoke", "-c", path, "--session", MEMGHOST_SESSION)
        assert said == f"session {MEMGHOST_SESSION} is ended everywhere"
        assert await status_of(f"{url}/echo/", Authorization=bearer) == 401
    await echo.close()


async def test_the_demo_s_routes_let_through_what_their_cases_say(tmp_path: Path) -> None:
    for name in ("token-keys.pem", "identity-keys.pem"):  # that they can be read is all that a check asks of them
        (tmp_path / name).touch()
    variables = {
        "DEMO_FOLDER": str(tmp_path),
        "DEMO_PORT": "8080",
        "DEMO_ADMIN_PORT": "9090",
        "DEMO_UPSTREAM": "http://127.0.0.1:1",
        "DEMO_REDIS_URL": "redis://127.0.0.1:1",
        **dict.fromkeys(("DEMO_ADMIN_TOKEN", "DEMO_SECRET", "DEMO_PEPPER"), SECRET),
    }
    demo = ROOT / "gateway/demo"
    ended = await asyncio.to_thread(
        gateway, "test", "-c", demo / "gateway.yaml", demo / "cases.yaml", environment=variables
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(" all judged as expected\n")


async def test_serve_refuses_an_old_schema_and_names_the_remedy(tmp_path: Path, unused_tcp_port: int) -> None:
    ended = await asyncio.to_thread(gateway, "serve", "-c", config(tmp_path, 1, unused_tcp_port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("gateway: ")
    assert "gateway directory migrate -c FILE" in ended.stderr
    assert ended.stderr.count("\n") == 1


async def test_serve_refuses_a_config_with_problems_and_tells_them_all(tmp_path: Path) -> None:
    path = written(tmp_path, "spam: 1\ncache: {fresh: 1}\n")
    ended = await asyncio.to_thread(gateway, "serve", "-c", path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"{path}:1:1: secret: is required",
        f"{path}:1:1: spam: is not a key that is known here",
        f"{path}:2:9: cache.fresh: a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d",
    ]


async def test_revoke_with_nobody_to_tell_is_no_success(tmp_path: Path, unused_tcp_port: int) -> None:
    path = config(tmp_path, 1, unused_tcp_port)
    await migrate(f"sqlite:///{tmp_path / 'directory.db'}")
    ended = await asyncio.to_thread(gateway, "revoke", "-c", path, "--user", "user_1")
    assert (ended.returncode, ended.stdout) == (1, "")
    line, note = ended.stderr.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["outcome"]) == ("revoked", "partly")
    assert note == (
        f"gateway: user user_1 is not ended everywhere: the gateway at 127.0.0.1:{unused_tcp_port} did not take it"
    )


async def test_records_with_problems_are_told_by_line(tmp_path: Path) -> None:
    path, file = config(tmp_path, 1, 1), tmp_path / "records.yaml"
    file.write_text("users:\n  - {id: a}\n  - {spam: 1}\n", encoding="utf-8")
    await migrate(f"sqlite:///{tmp_path / 'directory.db'}")
    ended = await asyncio.to_thread(gateway, "directory", "load", "-c", path, file)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr
    assert all(line.startswith(f"{file}:3:") for line in ended.stderr.splitlines())


async def test_a_changed_role_counts_from_the_next_request_on(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    echo = await start_echo("127.0.0.1", 0)
    admins = f"""\
  - name: admin
    match: {{path: /admin/}}
    require: {{organizations: [org_abc123xyz456], organization_roles: [admin]}}
    upstream: http://127.0.0.1:{echo.port}
redis: {{url: {redis_url}, key_prefix: "{key_prefix}"}}
"""
    path = config(tmp_path, echo.port, 0, admins)
    await run("directory", "migrate", "-c", path)
    await run("directory", "load", "-c", path, DEMO_RECORDS)
    key = {"X-Api-Key": PROJECT_KEY}
    async with served(path) as url:
        assert await status_of(f"{url}/admin/", **key) == 200
        changed = await asyncio.to_thread(gateway, "directory", "member", "role", "-c", path, MEMBER, "member")
        assert (changed.returncode, changed.stdout) == (0, f"{MEMBER} has the role member\n")
        line = json.loads(changed.stderr)  # the audit line alone: standard output is for the result
        assert (line["event"], line["by"], line["id"]) == ("record_changed", "command", MEMBER)
        await becomes(403, f"{url}/admin/", key)
        assert await status_of(f"{url}/echo/", **key) == 200
        await run("directory", "member", "role", "-c", path, MEMBER, "admin")
        await becomes(200, f"{url}/admin/", key)
        await run("directory", "key", "expire", "-c", path, KEY, "--at", "2020-01-01T00:00:00Z")
        await becomes(401, f"{url}/echo/", key)
    await echo.close()
