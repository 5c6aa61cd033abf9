from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.settings import TelemetrySettings
from gateway.wiring.process import Process
from gateway.wiring.tracing import tracing_of

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
