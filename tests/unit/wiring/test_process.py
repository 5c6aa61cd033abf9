import asyncio
import json
import sys
from pathlib import Path

import pytest

from gateway.config.settings import TelemetrySettings
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditOutcome
from gateway.telemetry.exposition import render, snapshot
from gateway.wiring.process import Process, run_loop


async def test_a_process_is_ready_while_it_serves_and_does_not_drain(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        assert not process.ready()
        process.serving = True
        assert process.ready()
        process.draining = True
        assert not process.ready()
        await process.close()


async def test_lines_are_flushed_soon_and_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = Process(output)
        flushed = asyncio.Event()
        process.flush_soon(flushed.set)
        process.lines.append(b"a line\n")
        assert log.read_bytes() == b""
        await asyncio.wait_for(flushed.wait(), 5.0)
        await process.close()
    assert log.read_bytes() == b"a line\n"


async def test_closing_cancels_tasks(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        task = process.tasks.start(asyncio.Event().wait(), "for ever")
        await process.close()
    assert task.cancelled()


async def test_metrics_and_audit_lines_are_the_process_s_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = Process(output)
        process.audit.revoked(Actor("command"), RevocationTarget(RevocationKind.USER, "user_1"), AuditOutcome.DONE)
        process.resolution_metrics.revoked("own")
        body, _ = render(snapshot(process.metrics.registry))
        await process.close()
    assert b'gateway_revocations_total{origin="own"} 1.0' in body
    assert b"gateway_upstream_faults" in body
    assert json.loads(log.read_bytes())["id"] == "user_1"


async def which_loop() -> int:
    return 7 if type(asyncio.get_running_loop()).__module__.startswith("uvloop") else 3


def test_uvloop_is_used_where_it_is_installed() -> None:
    assert run_loop(which_loop()) == 7


@pytest.mark.slow
def test_the_standard_loop_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run_loop(which_loop()) == 3


async def test_tracing_is_opened_once_and_only_where_a_config_wants_it(tmp_path: Path) -> None:
    otlp = TelemetrySettings(traces="otlp")
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        assert process.tracing_for(TelemetrySettings()) is None
        assert process.tracing is None
        first = process.tracing_for(otlp)
        assert first is not None
        assert process.tracing_for(TelemetrySettings()) is None
        assert process.tracing_for(otlp) is first
        await first.close(10.0)
        await process.close()
