import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.config.settings import ListenSettings
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.workers.control import (
    Build,
    ChangeCommand,
    Collect,
    Command,
    ControlChannel,
    Drain,
    Leave,
    Reply,
    RevokeCommand,
    Swap,
    open_channel,
)
from gateway.workers.sockets import Ports, bind_ports, port_of
from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.raw_http import PATIENCE, exchange
from tests.support.gateways.running import written
from tests.support.repository import ROOT
from tests.support.servers.recording_upstream import recording_upstream

pytestmark = pytest.mark.processes

PROGRAM = """
import socket, sys
from gateway.workers.sockets import Ports
from gateway.workers.worker_main import worker_main
control, public = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
raise SystemExit(worker_main(control, Ports((public,), (), ())))
"""


class RunningWorker:
    """A worker process, and our end of its channel."""

    def __init__(self, process: asyncio.subprocess.Process, channel: ControlChannel, ports: Ports) -> None:
        self.process = process
        self.channel = channel
        self.port = port_of(ports.public)
        self.received: list[Command] = []

    async def execute(self, command: Command) -> Reply:
        self.received.append(command)
        return Reply()

    async def serve(self, config: Path) -> Reply:
        reply = await self.channel.request(Build(str(config), config.read_text()))
        if not reply.fault:
            await self.channel.request(Swap())
        return reply

    async def status(self) -> int:
        return (await exchange(self.port, b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")).status


@asynccontextmanager
async def running_worker() -> AsyncIterator[RunningWorker]:
    ports = bind_ports(ListenSettings.model_validate({"public": "127.0.0.1:0", "admin": "127.0.0.1:0"}))
    ours, theirs = socket.socketpair()
    given = (theirs.fileno(), ports.public[0].fileno())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, *map(str, given)),
        cwd=ROOT,
        env=ENVIRONMENT,
        pass_fds=given,
        stdout=asyncio.subprocess.PIPE,
    )
    theirs.close()
    made, tasks = RunningWorker(process, await open_channel(ours), ports), TaskKeeper()
    tasks.start(made.channel.listen(made.execute), "supervisor")
    try:
        yield made
        await made.channel.close()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        ports.close()
        await tasks.aclose()


async def test_a_worker_executes_the_supervisor_s_commands(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running_worker() as worker:
        reply = await worker.serve(written(tmp_path, upstream.port))
        assert reply == Reply()
        assert await worker.status() == 200
        collected = await worker.channel.request(Collect())
        samples = {sample.name: sample.value for family in collected.snapshot for sample in family.samples}
        assert samples["gateway_requests_total"] == 1
        for command in (RevokeCommand, ChangeCommand):
            assert (await worker.channel.request(command(RevocationTarget(RevocationKind.USER, "u")))).complete
        last = await worker.channel.request(Drain(1.0))
        assert "gateway_requests" in {family.name for family in last.snapshot}


async def test_a_problem_of_a_config_is_replied_with_its_line(tmp_path: Path) -> None:
    async with running_worker() as worker:
        config = written(tmp_path, 9)
        config.write_text("secret: a\nroutes: 7\n")
        reply = await worker.serve(config)
        assert reply.fault == f"{config}:2:1: routes: must be a list"


async def test_a_worker_that_gets_sigterm_asks_for_a_successor_and_serves_on(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running_worker() as worker:
        await worker.serve(written(tmp_path, upstream.port))
        worker.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            while not worker.received:  # noqa: ASYNC110 - there is no event of ours in another process
                await asyncio.sleep(0.01)
        assert worker.received == [Leave()]
        assert await worker.status() == 200
