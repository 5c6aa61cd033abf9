"""Workers that live in the test's own loop and behave as they are told, and the nursery that makes them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.config.load import ConfigText, LoadedConfig
from gateway.config.settings import Settings
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.merging import Family, Sample, Snapshot
from gateway.workers.control import Build, Collect, Command, Drain, Leave, Reply, RevokeCommand
from gateway.workers.control_channel import ControlChannel, open_channel
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
    """Notes its orders; `fault` is what it says against a config, `count` what it has counted.

    It hangs while `may_answer` is not set.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.orders: list[Command] = []
        self.fault = ""
        self.count = 1.0
        self.told = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.ended = asyncio.Event()
        self.may_build = asyncio.Event()
        self.may_build.set()
        self.channel: ControlChannel | None = None

    async def live(self, end: socket.socket) -> None:
        self.channel = await open_channel(end)
        await self.channel.listen(self._carry)
        await self.channel.close()
        self.ended.set()

    async def die(self) -> None:
        assert self.channel is not None
        await self.channel.close()

    async def ordered(self, name: str, times: int) -> None:
        """Return when it has heard an order of that name so often."""
        async with asyncio.timeout(PATIENCE):
            while self.names().count(name) < times:  # noqa: ASYNC110 - the channel hands orders to tasks of its own
                await asyncio.sleep(0.001)

    async def ask_to_leave(self) -> None:
        assert self.channel is not None
        await self.channel.ask(Leave())

    def names(self) -> list[str]:
        return [type(order).__name__ for order in self.orders]

    def config(self) -> str:
        """Return the name of the config that it built last."""
        return [order.text for order in self.orders if isinstance(order, Build)][-1]

    async def _carry(self, order: Command) -> Reply:
        self.orders.append(order)
        await self.may_answer.wait()
        match order:
            case Build():
                await self.may_build.wait()
                return Reply(fault=self.fault)
            case Collect() | Drain():
                return Reply(snapshot=counted(self.count))
            case RevokeCommand():
                return Reply(told=self.told)
        return Reply()


class FakeNursery:
    """Makes workers; `workers` are all that were ever made, `is_gone` that it makes none any more.

    `pids` are theirs. By default nobody's: no process has such a number, so whoever is killed by it is nobody.
    """

    def __init__(self, pids: Iterable[int] = range(1_000_000_000, 2_000_000_000)) -> None:
        self.workers: list[FakeWorker] = []
        self.is_gone = False
        self.tell_births = True
        self.fault = ""
        self.may_build = asyncio.Event()
        self.may_build.set()
        self.made = asyncio.Event()
        self._pids = iter(pids)
        self._tasks = TaskKeeper()
        self._line, self._speaking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fork(self) -> socket.socket:
        if self.is_gone:
            raise BrokenPipeError
        ours, theirs = socket.socketpair()
        worker = FakeWorker(next(self._pids))
        worker.fault, worker.may_build = self.fault, self.may_build
        self.workers.append(worker)
        if self.tell_births:
            self.tell(Forked(worker.pid))
        self._tasks.start(worker.live(theirs), "a worker of the test")
        self.made.set()
        return ours

    def tell(self, news: ForkServerEvent) -> None:
        self._speaking.send(msgspec.msgpack.encode(news))

    def fileno(self) -> int:
        return self._line.fileno()

    def news(self) -> ForkServerEvent | None:
        told = self._line.recv(100)
        return msgspec.msgpack.decode(told, type=ForkServerEvent) if told else None

    def go(self) -> None:
        """End as a nursery does that is killed."""
        self.is_gone = True
        self._speaking.close()

    def close(self) -> None:
        self._line.close()
        self._speaking.close()

    async def end(self) -> None:
        """Wait until every worker has ended: all were hung up on."""
        async with asyncio.timeout(PATIENCE):
            for worker in self.workers:
                await worker.ended.wait()
        await self._tasks.aclose()


class Pair:
    """A member, and the worker behind it."""

    def __init__(self) -> None:
        self.tasks = TaskKeeper()
        self.worker = FakeWorker(42)

    async def open(self) -> None:
        ours, theirs = socket.socketpair()
        self.tasks.start(self.worker.live(theirs), "worker")
        self.member = WorkerHandle(await open_channel(ours), self.worker.pid)
        self.listening = self.tasks.start(self.member.listen(_nothing), "member")

    async def close(self) -> None:
        await self.worker.die()
        await self.tasks.aclose()


async def _nothing(_: Command) -> Reply:
    return Reply()
