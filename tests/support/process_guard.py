"""A guard that fails a unit test that starts a process without the mark `processes`: fast tests stay fast."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pytest

MARK = "processes"
FIXTURES = frozenset({"redis_url", "child_process"})
"""Fixtures that start a process; a test that uses one is marked for it."""

_EVENTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
"""Python's audit events of a start (PEP 578)."""


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that use a fixture that starts a process."""
    for item in items:
        if isinstance(item, pytest.Function) and not FIXTURES.isdisjoint(item.fixturenames):
            item.add_marker(MARK)


class ProcessGuard:
    """Watches the starts of processes for as long as a test runs that has no mark; an audit hook cannot be removed."""

    def __init__(self) -> None:
        self.test: pytest.Item | None = None
        sys.addaudithook(self._check)

    def watch(self, test: pytest.Item | None) -> None:
        """Watch this test from now on, unless it is marked; None: no test runs."""
        self.test = test if test is not None and test.get_closest_marker(MARK) is None else None

    def _check(self, event: str, _: tuple[Any, ...]) -> None:
        if event in _EVENTS and self.test is not None:
            raise RuntimeError(f"{event} in {self.test.nodeid}, which lacks `pytestmark = pytest.mark.{MARK}`")
