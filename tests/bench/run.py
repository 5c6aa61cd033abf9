"""Print what a request costs, in CPU time of the proxying process, beside nginx's reverse proxy.

nginx keeps its connections to the upstream: one that opens a connection for each request costs two and a half times as
much, and would flatter everybody else.

Run it with `make bench`; it needs Linux, nginx and wrk. Every subject stands at the same time and they are measured in
turns, so that a slower hour of the machine is everybody's. Peers (Envoy, Traefik, Caddy) are measured where installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.full import gateway
from tests.bench.load import SMALL_GET, Shape, cost, ratio, require_tools, table
from tests.bench.peers import PEERS
from tests.bench.processes import Subject, find

_VARIED = """local n = 0
request = function()
  n = n + 1
  wrk.headers["traceparent"] = string.format("00-%032x-%016x-01", n, n)
  return wrk.format(nil, "/small?n=" .. n)
end
"""
_POST = 'wrk.method = "POST"\nwrk.body = string.rep("x", 102400)\n'


def main() -> None:
    """Measure and print."""
    options = _options()
    require_tools()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        post = folder / "post.lua"
        post.write_text(_POST)
        varied = folder / "varied.lua"
        varied.write_text(_VARIED)
        shapes = [
            SMALL_GET,
            Shape("new target, trace", "/small", 64, varied),
            Shape("1 MB GET", "/big", 16),
            Shape("100 KB POST", "/small", 16, post),
        ]
        subjects = list(_subjects(stack, folder))
        sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}; microseconds of CPU per request (ratio)\n")
        taken: dict[tuple[str, str], list[float]] = {}
        for shape in shapes:
            for _ in range(options.rounds):
                for subject in subjects:
                    spent = cost(subject, shape, options.seconds)
                    taken.setdefault((subject.name, shape.name), []).append(spent)
    least = subjects[0].name
    rows = [
        (name, [ratio(taken[name, shape.name], taken[least, shape.name]) for shape in shapes])
        for name in (subject.name for subject in subjects)
    ]
    table("", [shape.name for shape in shapes], rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of load in each round (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    return parser.parse_args()


def _subjects(stack: contextlib.ExitStack, folder: Path) -> Iterator[Subject]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    yield stack.enter_context(processes.nginx_kept(folder / "kept", upstream))
    yield stack.enter_context(processes.featureless(upstream))
    yield stack.enter_context(gateway(folder / "full", upstream, name="this gateway, API key, role"))
    yield stack.enter_context(gateway(folder / "logged", upstream, name="... and the access log", access_log=True))
    for program, peer in PEERS.items():
        if find(program) is not None:
            yield stack.enter_context(peer(folder / program, upstream))


def _machine() -> str:
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{models[0] if models else 'unknown processor'}, {os.cpu_count()} cores shared with the load"


if __name__ == "__main__":
    main()
