"""What is ended over the admin port, through sockets: in the rows of our directory as well as in every cache."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.clients.admin_client import AdminClient
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import (
    ADMIN_TOKEN,
    LOGIN_TOKEN,
    MEMBER_KEY,
    PROJECT_KEY,
    USER_ID,
    Examples,
    Gateway,
    config,
    serving,
)
from tests.support.servers.recording_upstream import recording_upstream

LOGIN_SESSION = "rBk3bZ8vJ2sQeT5wX"
KEY_ID = "550e8400-e29b-41d4-a716-446655440003"


async def revoke(gateway: Gateway, **ended: str) -> RawResponse:
    body = json.dumps(ended).encode()
    fields = f"Authorization: Bearer {ADMIN_TOKEN}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return await exchange(gateway.admin_port, b"POST /revoke HTTP/1.1\r\nHost: admin\r\n" + fields.encode() + body)


async def status_of(gateway: Gateway, credential: str) -> int:
    raw = f"GET /echo/ HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{credential}\r\n\r\n"
    return (await exchange(gateway.port, raw.encode())).status


@pytest.mark.parametrize("redis", [False, True])
async def test_what_was_ended_stays_so_when_every_cache_and_memory_of_it_is_gone(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str, redis: bool
) -> None:
    accounts = examples.settings(tmp_path)
    async with recording_upstream() as upstream:
        shared = {"redis": {"url": redis_url, "key_prefix": key_prefix}} if redis else {}
        async with serving(config(upstream.port, accounts, **shared), tmp_path) as gateway:
            key, pair = f"X-Api-Key: {PROJECT_KEY}", f"X-User-Id: {USER_ID}\r\nX-Auth-Token: {LOGIN_TOKEN}"
            assert [await status_of(gateway, each) for each in (key, pair)] == [200, 200]
            assert (await revoke(gateway, api_key=KEY_ID)).status == 200
            assert (await revoke(gateway, session=LOGIN_SESSION)).status == 200
            assert [await status_of(gateway, each) for each in (key, pair)] == [401, 401]
        async with serving(config(upstream.port, accounts), tmp_path) as gateway:  # as new, and hears of nothing
            assert [await status_of(gateway, each) for each in (key, pair)] == [401, 401]
            assert await status_of(gateway, f"X-Api-Key: {MEMBER_KEY}") == 200


async def test_a_directory_that_takes_no_note_is_told_and_the_caches_are_emptied(
    examples: Examples, tmp_path: Path
) -> None:
    accounts = examples.settings(tmp_path)
    async with recording_upstream() as upstream, serving(config(upstream.port, accounts), tmp_path) as gateway:
        key = f"X-Api-Key: {PROJECT_KEY}"
        assert await status_of(gateway, key) == 200
        with contextlib.closing(sqlite3.connect(tmp_path / "directory.db")) as database:
            database.execute("DROP TABLE audit_entries")
        answer = await revoke(gateway, api_key=KEY_ID)
        assert (answer.status, answer.one(b"Retry-After")) == (503, b"1")
        assert await status_of(gateway, key) == 401
        (line,) = (line for line in map(json.loads, gateway.log().splitlines()) if line["log"] == "audit")
        assert (line["event"], line["outcome"], line["id"]) == ("revoked", "partly", KEY_ID)


async def test_what_it_ended_is_in_the_directory_s_audit_with_who_did_it(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    async with recording_upstream() as upstream, serving(config(upstream.port, accounts), tmp_path) as gateway:
        call = AdminClient(gateway.admin_port)
        assert (await revoke(gateway, session=LOGIN_SESSION)).status == 200
        assert (await call("POST", "/v1/revocations", {"api_key": KEY_ID})).status == 201
        for again in (LOGIN_SESSION, "nobody's"):
            assert (await revoke(gateway, session=again)).status == 200
        entries = (await call("GET", "/v1/audit?limit=2")).json()["rows"]
    told = [(each["by"], each["operation"], each["kind"], each["id"], each.get("credential")) for each in entries]
    assert told == [
        ("admin_port", "deleted", "api_key", KEY_ID, "admin_token"),
        ("admin_port", "ended", "session", LOGIN_SESSION, "admin_token"),
    ]
    assert (entries[1]["before"]["state"], entries[1]["after"]["state"]) == ("active", "closed")
