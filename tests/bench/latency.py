"""Print how long a small GET takes at 1,000 and 3,000 requests a second: this gateway beside nginx, upstream kept.

Run by `make bench`. The load is open: requests are sent when they are due, whether or not others have been answered,
and each is timed from when it was due. So a pause counts for everybody whom it kept waiting, not for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop

from tests.bench import processes
from tests.bench.callers import request
from tests.bench.full import gateway
from tests.bench.load import require_tools, table
from tests.bench.processes import Subject

_RATES = (1000, 3000)
_CONNECTIONS = 64


class _Caller(asyncio.Protocol):
    """One connection, which times the answer to what it sent last."""

    def __init__(self, idle: list[_Caller], taken: list[float]) -> None:
        self._idle = idle
        self._taken = taken
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's
        self._idle.append(self)

    def send(self, data: bytes, due: float) -> None:
        self._due = due
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Take a whole answer: it is far smaller than a packet."""
        if not data.startswith(b"HTTP/1.1 200 ") or not data.endswith(b"}"):
            raise SystemExit(data.decode("latin-1"))
        self._taken.append(perf_counter() - self._due)
        self._idle.append(self)

    def close(self) -> None:
        self._transport.close()


async def _load(subject: Subject, rate: int, seconds: int) -> list[float]:
    """Send `rate` requests a second, those of a millisecond together, and return how many seconds each took."""
    idle: list[_Caller] = []
    taken: list[float] = []
    for _ in range(_CONNECTIONS):
        await asyncio.get_running_loop().create_connection(lambda: _Caller(idle, taken), "127.0.0.1", subject.port)
    data = request(subject.headers)
    count = rate * seconds
    waiting: list[float] = []
    planned, begin = 0, perf_counter()
    while len(taken) < count:
        now = perf_counter()
        new = min(count, int((now - begin) * rate)) - planned
        waiting += [now] * new
        planned += new
        while waiting and idle:
            idle.pop(0).send(data, waiting.pop(0))
        await asyncio.sleep(0.001)
    for caller in idle:
        caller.close()
    return taken


def main(seconds: int = 5, rounds: int = 3) -> None:
    """Measure and print."""
    require_tools()
    figures: dict[str, dict[int, list[tuple[float, float]]]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
        subjects = [
            stack.enter_context(processes.nginx_kept(folder / "kept", upstream)),
            stack.enter_context(gateway(folder / "full", upstream, name="this gateway, API key, role")),
        ]
        for _ in range(rounds):
            for rate in _RATES:
                for subject in subjects:
                    hundredths = quantiles(uvloop.run(_load(subject, rate, seconds)), n=100)
                    of_rate = figures.setdefault(subject.name, {}).setdefault(rate, [])
                    of_rate.append((hundredths[49], hundredths[98]))
    columns = [f"{rate:,} a second, {part}" for rate in _RATES for part in ("p50", "p99")]
    rows = [
        (name, [f"{median(each) * 1e3:.2f}" for of_rate in by_rate.values() for each in zip(*of_rate, strict=True)])
        for name, by_rate in figures.items()
    ]
    table("milliseconds until a small GET is answered", columns, rows)


if __name__ == "__main__":
    main()
