"""Print what a small GET costs where there is much to look through, beside where there is little: it should not grow.

Run by `make bench`: 1,000 routes beside one; 100,000 cached sessions beside one, where the same one is asked for, and
where each request draws one of them, so that nothing of its session is in the processor's caches any more. The load is
the same for both of a pair: its script draws from as many tokens as it is given.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop

from tests.bench import processes
from tests.bench.callers import ask_all, request
from tests.bench.full import gateway
from tests.bench.load import SMALL_GET, Shape, cost, require_tools, table
from tests.bench.processes import Subject
from tests.bench.tokens import Issuer, issuer, token_gateway

_ROUTES = 1000
_SESSIONS = 100_000
_AT_MOST = 1.2
_SCRIPT = """
local tokens = {{}}
for line in io.lines("{tokens}") do tokens[#tokens + 1] = "Bearer " .. line end
math.randomseed(os.time())
request = function()
  wrk.headers["Authorization"] = tokens[math.random(#tokens)]
  return wrk.format()
end
"""

Pair = tuple[str, tuple[Subject, Shape], tuple[Subject, Shape]]
"""What grows; then who is asked, and what, where there is one of it and where there are many."""


def main(seconds: int = 3, rounds: int = 5) -> None:
    """Measure and print."""
    require_tools()
    rows = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        pairs = list(_pairs(stack, Path(name)))
        taken: dict[str, list[tuple[float, float]]] = {pair[0]: [] for pair in pairs}
        for _ in range(rounds):
            for what, one, many in pairs:
                taken[what].append((cost(*one, seconds), cost(*many, seconds)))
    for what, spent in taken.items():
        one, many = (median(each) for each in zip(*spent, strict=True))
        rows.append((what, [f"{one:.1f}", f"{many:.1f}", f"{many / one:.2f}", f"{_AT_MOST:.2f}"]))
    table("a small GET, microseconds of CPU", ["one", "many", "ratio", "at most"], rows)


def _pairs(stack: contextlib.ExitStack, folder: Path) -> Iterator[Pair]:
    upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
    few, many = (
        stack.enter_context(gateway(folder / f"routes-{routes}", upstream, name=f"{routes} routes", routes=routes))
        for routes in (1, _ROUTES)
    )
    yield f"{_ROUTES:,} routes", (few, SMALL_GET), (many, SMALL_GET)
    by = stack.enter_context(issuer(folder / "issuer"))
    (alone, one), (crowded, any_of_them) = (cached(stack, folder, upstream, by, known) for known in (1, _SESSIONS))
    yield f"{_SESSIONS:,} cached sessions, one asked for", (alone, one), (crowded, one)
    yield "... each time another", (alone, one), (crowded, any_of_them)


def cached(
    stack: contextlib.ExitStack, folder: Path, upstream: int, by: Issuer, sessions: int
) -> tuple[Subject, Shape]:
    """Start a gateway and let it see that many tokens; return it, and the load that shows it one of them each time."""
    name = f"{sessions}-sessions"
    tokens = [by.token(number) for number in range(sessions)]
    (folder / f"{name}.txt").write_text("\n".join(tokens))
    script = folder / f"{name}.lua"
    script.write_text(_SCRIPT.format(tokens=folder / f"{name}.txt"))
    subject = stack.enter_context(token_gateway(name, folder / name, upstream, by))
    uvloop.run(ask_all(subject.port, (request({"Authorization": f"Bearer {token}"}) for token in tokens)))
    subject.headers = {}
    return subject, Shape(name, "/small", SMALL_GET.connections, script)


if __name__ == "__main__":
    main()
