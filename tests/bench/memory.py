"""Print what memory the gateway takes, idle: its whole process tree, and what each connection adds that only stays.

Run by `make bench`. RSS counts shared pages (libraries) for each process, PSS in equal parts, USS not at all.
MB are 1024 KB, as `ps` and `top` have them.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop

from tests.bench import processes
from tests.bench.callers import ask_all, hold, request
from tests.bench.full import gateway
from tests.bench.load import require_tools, table
from tests.bench.processes import Subject
from tests.bench.tokens import issuer, token_gateway

_CONNECTIONS = 10_000
_WARM = 2000
_SUMS = (("Rss:",), ("Pss:",), ("Private_Clean:", "Private_Dirty:"))
"""What of smaps_rollup makes up RSS, PSS and USS."""


def main() -> None:
    """Measure and print."""
    require_tools()
    _raise_file_limit()
    rows: list[tuple[str, list[str]]] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for what, subject, most in _subjects(stack, Path(folder)):
            # It listens before it has loaded what it needs; whoever has been answered once knows that it has.
            for name, asked in ((what, 1), (f"... after {_WARM:,} requests", _WARM)):
                uvloop.run(ask_all(subject.port, [request(subject.headers)] * asked))
                rows.append((name, _cells(_memory(subject), most)))
        added = uvloop.run(_added(subject))
        rows.append((f"{_CONNECTIONS:,} idle connections add", _cells(added, "30")))
    table("memory, idle, MB", ["RSS", "PSS", "USS", "at most"], rows)


def _subjects(stack: contextlib.ExitStack, folder: Path) -> Iterator[tuple[str, Subject, str]]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    by = stack.enter_context(issuer(folder / "issuer"))
    yield "without a directory", stack.enter_context(token_gateway("tokens", folder / "tokens", upstream, by)), "72"
    two = gateway(folder / "two", upstream, name="two", workers=2)
    yield "two workers, with a directory", stack.enter_context(two), "PSS: 1.4 times one"
    yield "with a directory", stack.enter_context(gateway(folder / "directory", upstream, name="directory")), "92"


async def _added(subject: Subject) -> list[float]:
    before = _memory(subject)
    callers = await hold(subject.port, request(subject.headers), _CONNECTIONS)
    after = _memory(subject)
    for _, writer in callers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in callers))
    return [late - early for late, early in zip(after, before, strict=True)]


def _memory(subject: Subject) -> list[float]:
    """Return RSS, PSS and USS of the process tree, in MB."""
    told = [
        line.split()
        for pid in subject.tree()
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    ]
    return [sum(int(size) for name, size, *_ in told if name in names) / 1024 for names in _SUMS]


def _cells(measured: list[float], most: str) -> list[str]:
    return [*(f"{each:.1f}" for each in measured), most]


def _raise_file_limit() -> None:
    """Let this process, and those that it starts, open a file for each connection."""
    wanted = _CONNECTIONS + 1000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < wanted:
        raise SystemExit(f"{_CONNECTIONS:,} connections need {wanted:,} open files: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
