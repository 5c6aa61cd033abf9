"""Print what a login of one's own waits for: `POST /v1/sessions`, and how soon another replica refuses an ended one.

Run by hand: `.venv/bin/python tests/bench/admin_sessions.py`. Milliseconds, on SQLite and a Redis or Valkey of its own;
on PostgreSQL too behind `python -m tests.support.servers.postgres_server`. Of an ended session, from sending DELETE at
one replica to the first 401 of the other.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.wiring.process import run_loop
from tests.support.clients.admin_client import AdminClient
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.on_postgres import accounts, load
from tests.support.gateways.serving import ADMIN_TOKEN, USER_ID, config, serving
from tests.support.servers import redis_server
from tests.support.servers.directory_databases import DATABASES, empty
from tests.support.servers.recording_upstream import recording_upstream

_BODY = f'{{"user": "{USER_ID}", "device": {{"type": "browser"}}, "ip": "192.0.2.7", "ttl": 3600}}'.encode()
_FIELDS = f"Host: admin\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n"
_OPEN = (
    f"POST /v1/sessions HTTP/1.1\r\n{_FIELDS}Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY
_LIST = f"GET /v1/sessions?user={USER_ID}&live=true&limit=20 HTTP/1.1\r\n{_FIELDS}\r\n".encode()

_UNCOUNTED = 20
"""Calls at the beginning: connections are made and statements compiled."""
_PAUSE = 0.001
"""Seconds between two requests of whose session ends: without one the loop that all share starves SQLite's thread."""


async def main(calls: int = 500, endings: int = 50) -> int:
    """Measure and print."""
    for database in DATABASES:
        sys.stdout.write(f"{database}\n")
        with tempfile.TemporaryDirectory() as name, redis_server.running(redis_server.program()) as redis:
            await _measure(await empty(database, Path(name)), Path(name), redis.url, calls, endings)
    return 0


async def _measure(url: str, folder: Path, redis: str, calls: int, endings: int) -> None:
    described = accounts(url, folder)
    await load(described)
    for each in ("one", "two"):
        (folder / each).mkdir()
    async with recording_upstream() as upstream:
        settings = config(upstream.port, described, redis={"url": redis})
        async with serving(settings, folder / "one") as one, serving(settings, folder / "two") as two:
            _show("POST /v1/sessions", await _calling(one.admin_port, _OPEN, calls))
            _show("GET /v1/sessions", await _calling(one.admin_port, _LIST, calls))
            _show("ended at one replica, refused at another", await _ending(one.admin_port, two.port, endings))


async def _calling(port: int, call: bytes, calls: int) -> list[float]:
    taken, spent = [], time.process_time()
    async with raw_client(port) as client:
        for _ in range(calls):
            began = time.perf_counter()
            await client.send(call)
            answer = await client.response()
            taken.append((time.perf_counter() - began) * 1000)
            if answer.status not in {200, 201}:
                raise RuntimeError(answer.body.decode())
    spent = (time.process_time() - spent) * 1000 / calls
    sys.stdout.write(f"CPU of one call, with its client and both gateways: {spent:.2f} ms\n")
    return taken[_UNCOUNTED:]


async def _ending(admin_port: int, port: int, endings: int) -> list[float]:
    call, taken = AdminClient(admin_port), []
    for _ in range(endings):
        made: dict[str, Any] = json.loads((await call("POST", "/v1/sessions", _BODY)).body)
        shown = f"GET /echo/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {made['bearer']}\r\n\r\n".encode()
        async with raw_client(port) as client:
            await client.send(shown)
            if (await client.response()).status != 200:
                raise RuntimeError("the other replica does not know the session")
            began = time.perf_counter()
            ending = asyncio.gather(call("DELETE", f"/v1/sessions/{made['session']['id']}"))
            status = 200
            while status != 401:
                await asyncio.sleep(_PAUSE)
                await client.send(shown)
                status = (await client.response()).status
            taken.append((time.perf_counter() - began) * 1000)
            await ending
    return taken


def _show(name: str, taken: list[float]) -> None:
    cuts = statistics.quantiles(taken, n=100)
    sys.stdout.write(f"{name}: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, of {len(taken)}\n")


if __name__ == "__main__":
    sys.exit(run_loop(main()))
