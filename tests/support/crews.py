"""Workers that live in the test's own loop and behave as they are told, and the nursery that makes them."""

from __future__ import annotations

import asyncio
import socket
from itertools import count
from pathlib import Path

import msgspec

from gateway.resilience.tasks import TaskKeeper
from gateway.runtime.channel import Channel, open_channel
from gateway.runtime.load import ConfigText, Loaded
from gateway.runtime.nursery import Buried
from gateway.runtime.orders import Build, Collect, Drain, Leave, Order, Report, Revoke
from gateway.runtime.settings import Settings
from gateway.telemetry.merging import Family, Sample, Snapshot


def loaded(workers: int, name: str = "first", **listen: object) -> Loaded:
    settings = Settings.model_validate({"secret": "s", "listen": {"workers": workers, **listen}})
    return Loaded(ConfigText(f"{name}.yaml", name), settings, (Path(f"{name}.yaml"),))


def counted(number: float) -> Snapshot:
    return (
        Family("requests", "counter", "Counted.", (Sample("requests_total", (), number),)),
        Family("held", "gauge", "Held.", (Sample("held", (), number),)),
    )


class FakeWorker:
    """Notes its orders; `fault` is what it says against a config, `count` what it has counted."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.orders: list[Order] = []
        self.fault = ""
        self.count = 1.0
        self.told = True
        self.hangs = False
        self.may_build = asyncio.Event()
        self.may_build.set()
        self.channel: Channel | None = None

    async def live(self, end: socket.socket) -> None:
        self.channel = await open_channel(end)
        await self.channel.listen(self._carry)
        await self.channel.close()

    async def die(self) -> None:
        assert self.channel is not None
        await self.channel.close()

    async def ask_to_leave(self) -> None:
        assert self.channel is not None
        await self.channel.ask(Leave())

    def names(self) -> list[str]:
        return [type(order).__name__ for order in self.orders]

    def config(self) -> str:
        """Return the name of the config that it built last."""
        return [order.text for order in self.orders if isinstance(order, Build)][-1]

    async def _carry(self, order: Order) -> Report:
        self.orders.append(order)
        if self.hangs:
            await asyncio.Event().wait()
        match order:
            case Build():
                await self.may_build.wait()
                return Report(fault=self.fault, pid=self.pid)
            case Collect() | Drain():
                return Report(snapshot=counted(self.count))
            case Revoke():
                return Report(told=self.told)
        return Report()


class FakeNursery:
    """Makes workers; `workers` are all that were ever made, `is_gone` that it makes none any more."""

    def __init__(self) -> None:
        self.workers: list[FakeWorker] = []
        self.is_gone = False
        self.fault = ""
        self.may_build = asyncio.Event()
        self.may_build.set()
        self.made = asyncio.Event()
        self._pids = count(1_000_000_000)  # no process has such a number: whoever is killed by it is nobody
        self._tasks = TaskKeeper()
        self._line, self._speaking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fork(self) -> socket.socket:
        if self.is_gone:
            raise BrokenPipeError
        ours, theirs = socket.socketpair()
        worker = FakeWorker(next(self._pids))
        worker.fault, worker.may_build = self.fault, self.may_build
        self.workers.append(worker)
        self._tasks.start(worker.live(theirs), "a worker of the test")
        self.made.set()
        return ours

    def tell(self, buried: Buried) -> None:
        self._speaking.send(msgspec.msgpack.encode(buried))

    def fileno(self) -> int:
        return self._line.fileno()

    def news(self) -> Buried | None:
        told = self._line.recv(100)
        return msgspec.msgpack.decode(told, type=Buried) if told else None

    def close(self) -> None:
        self._line.close()
        self._speaking.close()

    async def end(self) -> None:
        await self._tasks.aclose()
