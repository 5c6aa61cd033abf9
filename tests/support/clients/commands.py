"""The program's commands, run as a person or a script runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from subprocess import CompletedProcess

from tests.support.repository import ROOT

_COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **_COVERAGE}
"""All that a command sees: nothing of whoever runs the tests, but that coverage is measured."""

_PATIENCE = 30.0


def gateway(*arguments: object, environment: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run `gateway ...` to its end, with this environment and no other."""
    return python("-m", "gateway", *arguments, environment=environment)


def python(*arguments: object, environment: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run Python to its end, as `gateway` does."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
