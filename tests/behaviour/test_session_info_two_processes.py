"""Two gateway processes: the second knows nobody itself and asks the first, in each product's words."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.repository import ROOT

PATIENCE = 30.0
"""Seconds until a test that waits for a process gives up; a bound for a broken program, not an expectation."""

PATHS = {
    "composio": "/api/v3/auth/session/info",
    "wacht": "/session",
    "memghost": "/auth/session",
    "rocketchat": "/api/v1/sessions/info",
}
SECOND = """\
listen: {{public: "127.0.0.1:0", admin: "127.0.0.1:0"}}
secret: another-secret-of-the-tests-that-is-long-enough
authorities:
  composio: {{kind: remote, dialect: composio, url: "{first}/api/v3/auth/session/info"}}
  wacht: {{kind: remote, dialect: wacht, url: "{first}/session"}}
  memghost: {{kind: remote, dialect: memghost, url: "{first}/auth/session"}}
  rocketchat: {{kind: remote, dialect: rocketchat, url: "{first}/api/v1/sessions/info"}}
credentials:
  project_key: {{kind: api_key, header: x-api-key, type: project, authority: composio}}
  token: {{kind: bearer, authority: memghost}}
  cookie: {{kind: cookie, name: __session, authority: wacht}}
  pair: {{kind: token_pair, user_header: x-user-id, token_header: x-auth-token, session_header: x-session,
          authority: rocketchat}}
session_info:
  - {{dialect: composio, credentials: project_key}}
  - {{dialect: wacht, credentials: cookie}}
  - {{dialect: memghost, credentials: token}}
  - {{dialect: rocketchat, credentials: pair}}
"""


@contextlib.asynccontextmanager
async def process(*arguments: object) -> AsyncIterator[asyncio.StreamReader]:
    """Run `gateway ...` and yield what it prints; ended by SIGTERM, as an orchestrator does."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *map(str, arguments),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        yield running.stdout
    finally:
        running.terminate()
        async with asyncio.timeout(PATIENCE):
            await running.communicate()


async def line_with(output: asyncio.StreamReader, mark: str) -> str:
    async with asyncio.timeout(PATIENCE):
        while line := (await output.readline()).decode():
            if mark in line:
                return line
    raise AssertionError(f"the program ended without saying {mark}")


@contextlib.asynccontextmanager
async def first_and_second(folder: Path) -> AsyncIterator[tuple[int, int, dict[str, Any]]]:
    """Run the demo and a gateway that asks it; yield their ports and the demo's credentials."""
    told = folder / "credentials.json"
    async with process("demo", "--port", 0, "--admin-port", 0, "--credentials", told) as demo:
        await line_with(demo, "The gateway is at")
        credentials: dict[str, Any] = json.loads(await asyncio.to_thread(told.read_bytes))
        config = folder / "second.yaml"
        await asyncio.to_thread(config.write_text, SECOND.format(first=credentials["public_url"]))
        async with process("serve", "-c", config) as second:
            serving = json.loads(await line_with(second, '"serving"'))
            yield int(credentials["public_url"].rpartition(":")[2]), int(serving["public"]), credentials


def shown(dialect: str, credentials: dict[str, Any]) -> dict[str, str]:
    cookie, pair = credentials["session_cookie"], credentials["token_pair"]
    return {
        "composio": {"X-Api-Key": credentials["api_key"]},
        "wacht": {"Cookie": f"{cookie['name']}={cookie['value']}"},
        "memghost": {"Authorization": f"Bearer {credentials['bearer']}"},
        "rocketchat": {"X-User-Id": pair["user_id"], "X-Auth-Token": pair["token"]},
    }[dialect]


async def ask(port: int, path: str, headers: dict[str, str]) -> RawResponse:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return await exchange(port, f"GET {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n{lines}\r\n".encode())


async def test_every_dialect_makes_the_round_trip(tmp_path: Path) -> None:
    async with first_and_second(tmp_path) as (first, second, credentials):
        query = f"?sessionId={credentials['rocketchat_session_id']}"
        for dialect, path in PATHS.items():
            target = path + (query if dialect == "rocketchat" else "")
            headers = shown(dialect, credentials)
            direct, through = await ask(first, target, headers), await ask(second, target, headers)
            assert (dialect, direct.status, through.status) == (dialect, 200, 200)
            said, heard = direct.json(), through.json()
            for body in (said, heard):
                body.pop("last_activity_at", None)
            assert said == heard
            nobody = await ask(second, target, {})
            assert nobody.status == 401


@pytest.mark.parametrize("named", [False, True])
async def test_a_pair_makes_it_with_and_without_the_session_that_it_names(tmp_path: Path, named: bool) -> None:
    async with first_and_second(tmp_path) as (_, second, credentials):
        headers = shown("rocketchat", credentials)
        closed = credentials["rocketchat_session_id"]
        session_header = {"X-Session": closed} if named else {}
        answer = await ask(second, "/_gateway/session", {**headers, **session_header})
    if named:  # it has ended: it may be looked at, and opens nothing
        assert answer.status == 401
    else:
        assert answer.json()["session"] == {
            "subject": credentials["token_pair"]["user_id"],
            "user": {"id": credentials["token_pair"]["user_id"]},
        }
