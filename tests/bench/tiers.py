"""Print what it takes to find out whose session it is, by the tier that knows, and what a cached session weighs.

Wall time of one look-up after another in one process, on a real Redis, a SQLite directory, and a remote authority that
is another process on loopback; then the resident memory of 100,000 cached sessions.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop

from gateway.config.settings import Settings
from gateway.credentials.reader import Reader
from gateway.model.answers import Found, Resolution, Tier
from gateway.model.credential import Credential
from gateway.model.session import ApiKey, Member, Organization, Session
from gateway.sessions.cache_entry import CacheEntry, encode
from gateway.sessions.memory import MemoryStore
from gateway.sessions.revocation import RevocationKeys, RevocationLog
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring, open_authorities
from tests.bench.own_answers import example_gateway
from tests.support.builders.requests import access_request
from tests.support.servers.redis_server import program, running

_KEY = (b"X-Api-Key", b"sk_live_abc123xyz456")
_SESSIONS = 100_000
_PAGE = resource.getpagesize()


def main(times: int = 2000) -> None:
    """Measure and print."""
    sys.stdout.write(f"\n| {'whose session is it, microseconds':40} |         |\n|{'-' * 42}|{'-' * 8}:|\n")
    with tempfile.TemporaryDirectory() as name, running(program()) as redis:
        folder = Path(name)
        with example_gateway(folder / "remote", "composio") as remote:
            uvloop.run(_tiers(folder, redis.url, f"http://127.0.0.1:{remote.port}", times))
    sys.stdout.write(f"| a cached session, of {_SESSIONS:,}: bytes of memory | {_weight():7.0f} |\n")


async def _tiers(folder: Path, redis: str, remote: str, times: int) -> None:
    accounts = {
        "kind": "directory",
        "url": f"sqlite:///{folder}/remote/directory.db",
        "pepper": "bench-pepper-bench-pepper-bench",
    }
    elsewhere = {"kind": "remote", "dialect": "composio", "url": f"{remote}/api/v3/auth/session/info"}
    shared = {"url": redis, "timeout": "1s"}
    for tier, authority, sections in (
        (Tier.MEMORY, accounts, {}),
        (Tier.REDIS, accounts, {"redis": shared}),
        (Tier.AUTHORITY, accounts, {}),
        (Tier.AUTHORITY, elsewhere, {}),
    ):
        name = tier if tier is not Tier.AUTHORITY else f"authority, {authority['kind']}"
        async with contextlib.aclosing(_looking_up(folder, authority, tier, sections)) as looked_up:
            async for resolve in looked_up:
                sys.stdout.write(f"| {name:40} | {await _microseconds(resolve, tier, times):7.1f} |\n")


async def _looking_up(folder: Path, authority: dict[str, Any], tier: Tier, sections: dict[str, Any]) -> Any:
    """Yield a function that resolves the example key from `tier`, with nothing nearer to know it."""
    reader = {"kind": "api_key", "header": "x-api-key", "type": "project", "authority": "a"}
    settings = Settings.model_validate(
        {"secret": "bench", "authorities": {"a": authority}, "credentials": {"key": reader}, **sections}
    )
    with (folder / "log").open("wb") as output:
        process, stack = Process(output), contextlib.AsyncExitStack()
        authorities = await open_authorities(settings, process, stack)
        sessions = SessionsWiring(settings, process, authorities, lambda: None)
        credential = _read(sessions.readers["key"])
        await sessions.resolver.resolve(credential)

        async def resolve() -> Resolution:
            if tier is not Tier.MEMORY:
                sessions.resolver._memory.drop(credential.fingerprint)
            return await sessions.resolver.resolve(credential)

        yield resolve
        await sessions.close()
        await stack.aclose()
        await process.close()


async def _microseconds(resolve: Callable[[], Awaitable[Resolution]], tier: Tier, times: int) -> float:
    for _ in range(20):
        if (await resolve()).tier is not tier:
            raise SystemExit(f"{tier} did not answer")
    began = time.perf_counter()
    for _ in range(times):
        await resolve()
    return (time.perf_counter() - began) / times * 1e6


def _read(reader: Reader) -> Credential:
    credential = reader.read(access_request(headers=(_KEY,)))
    if not isinstance(credential, Credential):
        raise SystemExit("the example key is not read")
    return credential


def _weight() -> float:
    """Return bytes of resident memory for each of 100,000 sessions in the memory tier."""
    clock = time.time  # noqa: TID251 - a bench is a program of its own
    store, keys = MemoryStore(_SESSIONS, 1.0, RevocationLog(clock)), RevocationKeys([b"bench"])
    before, now = _resident(), clock()
    for number in range(_SESSIONS):
        found = Found(_session(number))
        fingerprint = number.to_bytes(16, "big")
        entry = CacheEntry(encode(found), "accounts", keys.of_answer(found, [fingerprint]), now, 0)
        entry.until = now + 3600
        store.put(fingerprint, entry, now)
    if len(store) != _SESSIONS:
        raise SystemExit("not every session was kept")
    return (_resident() - before) / _SESSIONS


def _session(number: int) -> Session:
    at = datetime.now(UTC)
    return Session(
        subject=f"member-{number}",
        member=Member(id=f"550e8400-e29b-{number:012}", role="admin", email=f"user-{number}@example.com", name="John"),
        organization=Organization(id=f"org_{number}", name="Acme Corp", plan="BUSINESS"),
        api_key=ApiKey(auto_id=number, id=f"key-{number}", type="user", name="ci", created_at=at, updated_at=at),
    )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


if __name__ == "__main__":
    main()
