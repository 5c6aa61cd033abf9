import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.config.settings import ListenSettings
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.workers.control import Build, Collect, Command, Drain, Leave, Reply, RevokeCommand, Swap
from gateway.workers.control_channel import ControlChannel, open_channel
from gateway.workers.sockets import Ports, bind_ports, port_of
from tests.support.clients.commands import ENVIRONMENT, ROOT
from tests.support.clients.raw_http import PATIENCE, exchange
from tests.support.gateways.running import written
from tests.support.servers.recording_upstream import recording_upstream

PROGRAM = """
import socket, sys
from gateway.workers.sockets import Ports
from gateway.workers.worker_main import worker_main
control, public = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
raise SystemExit(worker_main(control, Ports((public,), (), ())))
"""


class Working:
    """A worker process, and our end of its channel."""

    def __init__(self, process: asyncio.subprocess.Process, channel: ControlChannel, ports: Ports) -> None:
        self.process = process
        self.channel = channel
        self.port = port_of(ports.public)
        self.asked: list[Command] = []

    async def hear(self, order: Command) -> Reply:
        self.asked.append(order)
        return Reply()

    async def serve(self, config: Path) -> Reply:
        report = await self.channel.ask(Build(str(config), config.read_text()))
        if not report.fault:
            await self.channel.ask(Swap())
        return report

    async def status(self) -> int:
        return (await exchange(self.port, b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")).status


@asynccontextmanager
async def working() -> AsyncIterator[Working]:
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
    made, tasks = Working(process, await open_channel(ours), ports), TaskKeeper()
    tasks.start(made.channel.listen(made.hear), "supervisor")
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


async def test_it_builds_serves_tells_and_ends_as_it_is_ordered(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, working() as worker:
        report = await worker.serve(written(tmp_path, upstream.port))
        assert report == Reply()
        assert await worker.status() == 200
        told = await worker.channel.ask(Collect())
        samples = {sample.name: sample.value for family in told.snapshot for sample in family.samples}
        assert samples["gateway_requests_total"] == 1
        assert (await worker.channel.ask(RevokeCommand(RevocationTarget(RevocationKind.USER, "u")))).told
        last = await worker.channel.ask(Drain(1.0))
        assert "gateway_requests" in {family.name for family in last.snapshot}


async def test_what_is_wrong_with_a_config_is_reported_with_its_line(tmp_path: Path) -> None:
    async with working() as worker:
        config = written(tmp_path, 9)
        config.write_text("secret: a\nroutes: 7\n")
        report = await worker.serve(config)
        assert report.fault == f"{config}:2:1: routes: must be a list"


async def test_one_that_is_told_to_end_by_others_asks_for_a_successor_and_goes_on(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, working() as worker:
        await worker.serve(written(tmp_path, upstream.port))
        worker.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            while not worker.asked:  # noqa: ASYNC110 - there is no event of ours in another process
                await asyncio.sleep(0.01)
        assert worker.asked == [Leave()]
        assert await worker.status() == 200
