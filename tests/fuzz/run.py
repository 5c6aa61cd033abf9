"""Feed one target with bytes that take new branches, for a bounded time: `python -m tests.fuzz.run TARGET SECONDS`.

It begins with the corpus and keeps what it finds in build/fuzz; what fails is written there too, and the exit code is
not 0. A find that should be tried for ever is copied into the corpus, which tests/fuzz/test_corpus.py replays.
"""

from __future__ import annotations

import sys

import atheris

from tests.support.repository import ROOT

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzz.targets import TARGETS

LONGEST = 2000
"""Bytes of an example: more than the limits of the readers under test."""


def main(name: str, seconds: str) -> None:
    """Fuzz the target of that name."""
    finds = ROOT / "build/fuzz" / name
    finds.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={finds}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(finds), str(ROOT / "tests/fuzz/corpus" / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
