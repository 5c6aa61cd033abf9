"""Print where the CPU time of a small GET goes, by module, as py-spy's samples tell: `make profile`.

What a module calls of C (a parser, a system call) counts as its own.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path
from subprocess import DEVNULL, Popen

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.full import gateway
from tests.bench.load import SMALL_GET, cost, require_tools, table
from tests.bench.processes import ROOT, Subject, find

_SECONDS = 10
_RATE = 500
_ROWS = 25
_REMEDY = "needs py-spy: `pip install py-spy`; where processes may not be traced, run it as root\n"
_HOMES = (f"{sysconfig.get_path('purelib')}/", f"{sysconfig.get_path('stdlib')}/", f"{ROOT}/")
_LOOP = "asyncio/runners.py"
"""The innermost frame of Python's while uvloop is at work."""


def main() -> None:
    """Measure and print."""
    require_tools()
    spy = find("py-spy")
    if spy is None:
        sys.exit(_REMEDY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            processes.upstream(folder / "upstream") as upstream,
            gateway(folder / "full", upstream.port, name="this gateway", access_log=True) as subject,
        ):
            cost(subject, SMALL_GET, 1)  # warm
            sampled = _sample(spy, subject, folder / "samples")
            spent = cost(subject, SMALL_GET, _SECONDS)
            if sampled.wait():
                sys.exit(_REMEDY)
        shares = _shares((folder / "samples").read_text())
    total = shares.total()
    rows = [(name, [f"{spent * n / total:.1f}", f"{n / total:.1%}"]) for name, n in shares.most_common(_ROWS)]
    table("a small GET, API key, role, access log", ["microseconds", "share"], [*rows, ("all", [f"{spent:.1f}", ""])])


def _sample(spy: str, subject: Subject, to: Path) -> Popen[bytes]:
    options = ["--pid", str(subject.process.pid), "--rate", str(_RATE), "--duration", str(_SECONDS)]
    command = [spy, "record", *options, "--full-filenames", "--format", "raw", "--output", str(to)]
    return Popen(command, stdout=DEVNULL, stderr=DEVNULL)


def _shares(told: str) -> Counter[str]:
    """Return the loop's samples by the file of the innermost frame.

    A line of what is told is `function (file:line);function (file:line) count`, the innermost frame last.
    """
    shares: Counter[str] = Counter()
    for line in told.splitlines():
        stack, _, count = line.rpartition(" ")
        if _LOOP not in stack:
            continue  # a thread that waits for work; py-spy takes some of those for busy
        place = stack.rpartition(" (")[2].rpartition(":")[0]
        for home in _HOMES:
            place = place.removeprefix(home)
        shares["the event loop itself" if place == _LOOP else place] += int(count)
    return shares


if __name__ == "__main__":
    main()
