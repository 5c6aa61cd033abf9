import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.runtime.process import Process
from gateway.runtime.settings import TelemetrySettings
from gateway.runtime.tracing import is_installed, tracing_of

OTLP = TelemetrySettings(traces="otlp")


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    with (tmp_path / "log").open("wb") as output:
        made = Process(output)
        yield made
        if made.tracing is not None:
            await made.tracing.close(10.0)
        await made.close()


async def test_nothing_is_opened_that_was_not_asked_for(process: Process) -> None:
    assert tracing_of(TelemetrySettings(), process) is None
    assert process.tracing is None


async def test_every_generation_has_the_one_of_the_process(process: Process) -> None:
    first = tracing_of(OTLP, process)
    assert first is not None
    assert tracing_of(TelemetrySettings(), process) is None
    assert tracing_of(OTLP, process) is first


def test_the_extra_is_installed_where_this_is_developed() -> None:
    assert is_installed()


def test_half_of_the_extra_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    assert not is_installed()
