"""Print what a login of one's own waits for: `POST /v1/sessions`, and how soon another replica refuses an ended one.

Run by hand: `.venv/bin/python tests/bench/admin_sessions.py`. Milliseconds, on SQLite and a Redis or Valkey of its own;
of an ended session, from sending DELETE at one replica to the first 401 of the other.
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
from tests.support.gateways.serving import ADMIN_TOKEN, USER_ID, Examples, config, serving
from tests.support.servers import redis_server
from tests.support.servers.recording_upstream import recording_upstream

_BODY = f'{{"user": "{USER_ID}", "device": {{"type": "browser"}}, "ip": "192.0.2.7", "ttl": 3600}}'.encode()
_CALL = (
    f"POST /v1/sessions HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY


async def main(calls: int = 500, endings: int = 50) -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, redis_server.running(redis_server.program()) as redis:
        folder = Path(name)
        examples = Examples(folder)
        await examples.make()
        for each in ("directory", "one", "two"):
            (folder / each).mkdir()
        async with recording_upstream() as upstream:
            accounts = examples.settings(folder / "directory")
            settings = config(upstream.port, accounts, redis={"url": redis.url})
            async with serving(settings, folder / "one") as one, serving(settings, folder / "two") as two:
                _show("POST /v1/sessions", await _opening(one.admin_port, calls))
                _show("ended at one replica, refused at another", await _ending(one.admin_port, two.port, endings))
    return 0


async def _opening(port: int, calls: int) -> list[float]:
    taken, spent = [], time.process_time()
    async with raw_client(port) as client:
        for _ in range(calls):
            began = time.perf_counter()
            await client.send(_CALL)
            answer = await client.response()
            taken.append((time.perf_counter() - began) * 1000)
            if answer.status != 201:
                raise RuntimeError(answer.body.decode())
    spent = (time.process_time() - spent) * 1000 / calls
    sys.stdout.write(f"CPU of one call, with its client and both gateways: {spent:.2f} ms\n")
    return taken[20:]


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
