"""Fixtures of unit tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from gateway.wiring.process import Process
from tests.support.process_guard import ProcessGuard

HERE = Path(__file__).parent
GUARD = ProcessGuard()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that starts a process and does not say so."""
    if HERE in item.path.parents:  # pytest-xdist calls this for every test, of other folders too
        GUARD.watch(item)
    try:
        return (yield)
    finally:
        GUARD.watch(None)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    """What one process has whatever its config; its log is `log` in the test's folder."""
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        yield process
        if process.tracing is not None:
            await process.tracing.close(10.0)
        await process.close()
