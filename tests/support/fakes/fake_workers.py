"""Workers that run in the test's own loop and behave as a test wants, and the fork server that makes them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.config.load import ConfigText, LoadedConfig
from gateway.config.settings import Settings
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.exposition import Family, Sample, Snapshot
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
    open_channel,
)
from gateway.workers.fork_server import Forked, ForkServerEvent
from gateway.workers.worker_handle import WorkerHandle
from tests.support.clients.raw_http import PATIENCE


def loaded(workers: int, name: str = "first", **listen: object) -> LoadedConfig:
    settings = Settings.model_validate({"secret": "s", "listen": {"workers": workers, **listen}})
    return LoadedConfig(ConfigText(f"{name}.yaml", name), settings, (Path(f"{name}.yaml"),))


def counted(number: float) -> Snapshot:
    return (
        Family("requests", "counter", "Counted.", (Sample("requests_total", (), number),)),
        Family("held", "gauge", "Held.", (Sample("held", (), number),)),
    )


class FakeWorker:
    """Records its commands; `fault` is its reply to a config, `count` what it has counted.

    It hangs while `may_reply` is not set.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.commands: list[Command] = []
        self.fault = ""
        self.count = 1.0
        self.complete = True
        self.may_reply = asyncio.Event()
        self.may_reply.set()
        self.exited = asyncio.Event()
        self.may_build = asyncio.Event()
        self.may_build.set()
        self.channel: ControlChannel | None = None

    async def run(self, end: socket.socket) -> None:
        self.channel = await open_channel(end)
        await self.channel.listen(self._execute)
        await self.channel.close()
        self.exited.set()

    async def exit(self) -> None:
        assert self.channel is not None
        await self.channel.close()

    async def received(self, name: str, times: int) -> None:
        """Return when it has received a command of that name so often."""
        async with asyncio.timeout(PATIENCE):
            while self.names().count(name) < times:  # noqa: ASYNC110 - the channel hands commands to tasks of its own
                await asyncio.sleep(0.001)

    async def ask(self, command: Command) -> Reply:
        """Ask the supervisor for something."""
        assert self.channel is not None
        return await self.channel.request(command)

    async def leave(self) -> None:
        assert self.channel is not None
        await self.channel.request(Leave())

    def names(self) -> list[str]:
        return [type(command).__name__ for command in self.commands]

    def config(self) -> str:
        """Return the name of the config that it built last."""
        return [command.text for command in self.commands if isinstance(command, Build)][-1]

    async def _execute(self, command: Command) -> Reply:
        self.commands.append(command)
        await self.may_reply.wait()
        match command:
            case Build():
                await self.may_build.wait()
                return Reply(fault=self.fault)
            case Collect() | Drain():
                return Reply(snapshot=counted(self.count))
            case RevokeCommand() | ChangeCommand():
                return Reply(complete=self.complete)
        return Reply()


class FakeForkServer:
    """Makes workers; `workers` are all that it ever made. Once it `is_gone` it makes none.

    `pids` are theirs; by default no process has such a number, so that killing one kills nobody.
    """

    def __init__(self, pids: Iterable[int] = range(1_000_000_000, 2_000_000_000)) -> None:
        self.workers: list[FakeWorker] = []
        self.is_gone = False
        self.sends_forked = True
        self.fault = ""
        self.may_build = asyncio.Event()
        self.may_build.set()
        self._pids = iter(pids)
        self._tasks = TaskKeeper()
        self._receiver, self._sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fork(self) -> socket.socket:
        if self.is_gone:
            raise BrokenPipeError
        ours, theirs = socket.socketpair()
        worker = FakeWorker(next(self._pids))
        worker.fault, worker.may_build = self.fault, self.may_build
        self.workers.append(worker)
        if self.sends_forked:
            self.send(Forked(worker.pid))
        self._tasks.start(worker.run(theirs), "a worker of the test")
        return ours

    def send(self, event: ForkServerEvent) -> None:
        self._sender.send(msgspec.msgpack.encode(event))

    def fileno(self) -> int:
        return self._receiver.fileno()

    def next_event(self) -> ForkServerEvent | None:
        data = self._receiver.recv(100)
        return msgspec.msgpack.decode(data, type=ForkServerEvent) if data else None

    def die(self) -> None:
        """End as a fork server does that is killed."""
        self.is_gone = True
        self._sender.close()

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()

    async def until_all_exited(self) -> None:
        """Wait until every worker has exited: all their channels were closed."""
        async with asyncio.timeout(PATIENCE):
            for worker in self.workers:
                await worker.exited.wait()
        await self._tasks.aclose()


class HandledWorker:
    """A worker and its handle."""

    def __init__(self) -> None:
        self.tasks = TaskKeeper()
        self.worker = FakeWorker(42)

    async def open(self) -> None:
        ours, theirs = socket.socketpair()
        self.tasks.start(self.worker.run(theirs), "worker")
        self.handle = WorkerHandle(await open_channel(ours), self.worker.pid)
        self.listening = self.tasks.start(self.handle.listen(_nothing), "handle")

    async def close(self) -> None:
        await self.worker.exit()
        await self.tasks.aclose()


async def _nothing(_: Command) -> Reply:
    return Reply()
