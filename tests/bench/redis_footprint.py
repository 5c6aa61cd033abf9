"""What a session weighs in Redis: filled by the gateway's own shared tier, told by the server's own count of memory."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import Session, User
from gateway.redis.client import connect
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.cache_entry import CacheKeys
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.revocation import RevocationKeys
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared_tier import SharedEntry
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.bench.tiers import _session as key_session
from tests.support.servers.redis_server import RedisServer, command

_SESSIONS = 100_000
_AT_ONCE = 32
_SECRET = b"bench-secret-bench-secret-bench-secret"
_wall = time.time  # noqa: TID251 - a bench is a program of its own


def redis_rows(server: RedisServer) -> Iterator[tuple[str, float]]:
    """Yield the bytes of a session, by what it is and by what lies there for it."""
    kinds: dict[str, tuple[Callable[[int], Session], bool]] = {
        "an API key's session (member, organization, key)": (key_session, True),
        "a user's session (session, user)": (_user_session, True),
        "a verified token's (indexed alone, never stored)": (_user_session, False),
    }
    for name, (make, share) in kinds.items():
        command(server.port, "FLUSHALL")
        before = _used(server)
        asyncio.run(_fill(server.url, make, share=share))
        yield f"Redis, {name}: bytes", (_used(server) - before) / _SESSIONS
        keys = int(re.findall(rb":(\d+)", command(server.port, "DBSIZE"))[0])
        yield "... keys", keys / _SESSIONS


async def _fill(url: str, make: Callable[[int], Session], *, share: bool) -> None:
    client, tasks = connect(url, 5.0), TaskKeeper()
    metrics = ResolutionMetrics(RequestMetrics("bench", lambda: 0).registry)
    fingerprinter = Fingerprinter([_SECRET], "key", "user", [b"digest"])
    shared = RedisTier(
        redis=GuardedRedis(client, 5.0, Breaker(time.monotonic), tasks, metrics),
        tombstones=Tombstones("gw:", _wall, BusSignature([_SECRET])),
        keys=CacheKeys(RevocationKeys([_SECRET]), {"key": fingerprinter}),
        sealer=Sealer([_SECRET]),
        clock=_wall,
    )

    async def one(number: int) -> None:
        parts = (f"sk_live_{number:032}",)
        credential = Credential("key", CredentialKind.API_KEY, "user", parts, fingerprinter(parts))
        shared_entry = SharedEntry(Found(make(number)), "accounts", 0.0)
        if await shared.lookup(credential).fill(shared_entry, lifetime=600.0, share=share) is None:
            raise SystemExit("Redis did not take a session")

    for first in range(0, _SESSIONS, _AT_ONCE):
        await asyncio.gather(*map(one, range(first, min(first + _AT_ONCE, _SESSIONS))))
    await tasks.aclose()
    await client.aclose()


def _user_session(number: int) -> Session:
    user = User(id=f"user-{number}", email=f"user-{number}@example.com", name="John Doe")
    return Session(subject=user.id, id=f"s-{number:032}", user=user)


def _used(server: RedisServer) -> int:
    return int(re.findall(rb"used_memory:(\d+)", command(server.port, "INFO memory"))[0])
