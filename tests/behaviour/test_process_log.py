"""Whoever reads the log, or has stopped, or never was there: that is no request's business."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.running import Running, running, written
from tests.support.repository import ROOT
from tests.support.servers.recording_upstream import recording_upstream

LEAST = "telemetry: {buffer_bytes: 65536}\n"
LONG = "/public/" + "x" * 1000
MANY = 1000
"""Requests whose lines, a kilobyte each, are more than the pipe, this test's reader and the gateway may hold."""


async def fill(gateway: Running) -> None:
    """Have lines written that nobody reads, until some are lost."""
    gateway.may_read.clear()
    for _ in range(MANY // 50):
        assert {each.status for each in await asyncio.gather(*(gateway.ask(LONG) for _ in range(50)))} == {200}
    assert await gateway.metric("gateway_log_lines_lost_total") > 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_log_reader_that_stops_stops_no_request_and_no_sigterm(tmp_path: Path, workers: int) -> None:
    config = written(tmp_path, 9, listen=f", workers: {workers}", more=LEAST)
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}", more=LEAST)
        async with running(config) as gateway:
            await fill(gateway)
            assert (await gateway.admin("/readyz")).status == 200
            assert (await gateway.ask()).status == 200
            assert await gateway.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_dropped_is_counted_and_told_as_soon_as_somebody_reads(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}", more=LEAST)
        async with running(config) as gateway:
            await fill(gateway)
            after = len(gateway.lines)
            gateway.may_read.set()
            assert (await gateway.event("log_lines_lost", after))["lines"] > 0
            path = "/public/read-again"
            await gateway.ask(path)
            await gateway.line(lambda line: line.get("path") == path, after)


async def test_a_reload_and_a_killed_worker_need_no_reader_either(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=", workers: 2", more=LEAST)
        async with running(config) as gateway:
            await fill(gateway)
            before = gateway.workers()  # not behind the signal, where a new one may be among them
            gateway.process.send_signal(signal.SIGUSR2)
            while set(gateway.workers()) & set(before):
                assert (await gateway.ask()).status == 200
            await gateway.until_ready()


@pytest.mark.parametrize("command", [("serve", "-c", "{config}"), ("check", "-c", "{config}"), ("demo", "--port", "0")])
def test_standard_output_that_was_closed_is_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    config = written(tmp_path, 9)
    words = [word.format(config=config) for word in command]
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "gateway", *words],
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == b"gateway: standard output is closed: there is nowhere to write to\n"


def test_nothing_that_is_opened_takes_the_place_of_a_stream_that_was_closed(tmp_path: Path) -> None:
    """A socket whose number is 2 would get what is written for a person."""
    looks = (
        "import os, sys; from gateway.cli import _claim_descriptors; _claim_descriptors(); sys.stderr.write('x');"
        "sys.stderr.flush(); file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR); print(file)"
    )
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- 2>&-', "sh", sys.executable, "-c", looks, tmp_path / "file"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    assert int(ended.stdout) > 2
    assert (tmp_path / "file").read_bytes() == b""


def test_a_reader_that_leaves_a_command_is_no_traceback(tmp_path: Path) -> None:
    config = written(tmp_path, 9)
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$@" | :', "sh", sys.executable, "-m", "gateway", "check", "-c", config],
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.stderr == b""
