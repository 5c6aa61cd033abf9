"""A crew of several processes on one listening socket, each replaced when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

import structlog

from gateway.config.load import LoadedConfig
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.merging import Snapshot, lasting, merge
from gateway.telemetry.runtime_metrics import RuntimeMetrics
from gateway.workers.control import Command, Leave, Reply
from gateway.workers.control_channel import Execute
from gateway.workers.fork_server import ForkServer
from gateway.workers.liveness import until_it_hangs
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.sockets import Sockets
from gateway.workers.spawner import WorkerSpawner
from gateway.workers.worker_handle import WorkerHandle

_log = structlog.get_logger(__name__)

_PAUSE = 0.1
_PAUSE_MOST = 10.0
"""Seconds before a worker that ended is replaced: none the first time, then twice as long each time. One that lasted
for longer than the longest pause was no failure of its kind."""


class WorkerPool:
    """`listen.workers: N` on `sockets`. Changes (a reload, a replacement) come one after another."""

    def __init__(
        self, nursery: ForkServer, sockets: Sockets, revocations: RecentRevocations, metrics: RuntimeMetrics
    ) -> None:
        self._roster = WorkerSpawner(nursery)
        self._sockets = sockets
        self._revocations = revocations
        self._metrics = metrics
        self._members: list[WorkerHandle] = []
        self._coming: set[WorkerHandle] = set()
        self._leaving: set[WorkerHandle] = set()
        self._departed: Snapshot = ()
        self._loaded: LoadedConfig | None = None
        self._changing = asyncio.Lock()
        self._tasks = TaskKeeper()
        self._draining = self._cutting = False
        self._failures = 0

    async def change(self, loaded: LoadedConfig) -> None:
        """Have everybody build, the missing ones too, and then serve; see `Crew.change`."""
        wanted = loaded.settings.listen.workers
        async with self._changing:
            try:
                while len(self._members) < wanted:
                    self._members.append(await self._hire())
                await self._build(loaded)
            except BaseException:
                await self._undo()
                raise
            self._loaded = loaded
            await asyncio.gather(*(self._swap(each) for each in self._members))
            surplus = self._members[wanted:]
        for member in surplus:
            self._tasks.start(self._end(member), "ending of a worker too many")

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End something in every process, those that are just being made too."""
        return all(await asyncio.gather(*(each.revoke(ended) for each in self._everybody())))

    async def collect(self) -> Sequence[Snapshot]:
        """Return everybody's metrics, and what was counted by those that have ended."""
        return (self._departed, *await asyncio.gather(*(each.collect() for each in self._everybody())))

    async def renew(self) -> None:
        """Put a fresh process in everybody's place, one after another."""
        for member in tuple(self._members):
            await self._succeed(member)

    def serving(self) -> int:
        """Return how many processes serve."""
        return sum(each.serving for each in self._members)

    def wanted(self) -> int:
        """Return `listen.workers`."""
        return self._loaded.settings.listen.workers if self._loaded is not None else 0

    def cut(self) -> None:
        """Kill every worker."""
        self._cutting = True
        for member in self._everybody():
            self._roster.kill(member.pid)

    async def drain(self, patience: float) -> None:
        """End everybody."""
        self._draining = True
        self._roster.close()
        for each in self._sockets:  # as long as anybody holds them, callers would wait to be accepted
            each.close()
        await asyncio.gather(*(self._end(each, patience) for each in tuple(self._members)))
        await self._tasks.aclose()

    def _everybody(self) -> list[WorkerHandle]:
        return [*self._members, *self._coming, *self._leaving]

    async def _build(self, loaded: LoadedConfig) -> None:
        """Have everybody build; raises GatewayError with all that they say against it."""
        built = (each.build(loaded.config, self._revocations) for each in self._members)
        results = await asyncio.gather(*built, return_exceptions=True)
        faults = [each for each in results if isinstance(each, BaseException)]
        if faults and not isinstance(faults[0], GatewayError):
            raise faults[0]
        if faults:
            raise GatewayError("\n".join(dict.fromkeys(map(str, faults))))  # each says the same, or its own

    async def _undo(self) -> None:
        """Let nobody keep what it built, and end those that serve nothing yet."""
        await asyncio.gather(*(each.discard() if each.serving else self._end(each, 0.0) for each in self._members))

    async def _swap(self, member: WorkerHandle) -> None:
        """Let one serve what it built; one that fails now is replaced, by one under the new config."""
        try:
            await member.swap()
        except GatewayError as error:
            _log.error("worker_swap_failed", pid=member.pid, fault=str(error))
            await self._dismiss(member)

    async def _hire(self) -> WorkerHandle:
        """Have a process forked, and be with it; raises GatewayError."""
        member = await self._roster.spawn()

        async def carry(order: Command) -> Reply:
            if isinstance(order, Leave):
                self._tasks.start(self._succeed(member), "succession of a worker")
            return Reply()

        self._tasks.start(self._attend(member, carry), "a worker")
        return member

    async def _attend(self, member: WorkerHandle, carry: Execute) -> None:
        """Be with a worker until it ends, and see to what it leaves."""
        began = monotonic()
        watching = self._tasks.start(self._watch(member), "watching of a worker")
        await member.listen(carry)
        watching.cancel()
        self._departed = merge((self._departed, lasting(member.snapshot)))
        self._leaving.discard(member)
        if member not in self._members or self._draining or self._loaded is None:
            return
        self._members.remove(member)
        _log.warning("worker_ended", pid=member.pid)
        self._metrics.worker_ended()
        if monotonic() - began > _PAUSE_MOST:
            self._failures = 0
        await self._fill()

    async def _watch(self, member: WorkerHandle) -> None:
        """Put an end to a worker that hangs: it is replaced as any other that ends."""
        await until_it_hangs(member, self._worker_timeout)
        _log.error("worker_hung", pid=member.pid, seconds=self._worker_timeout())
        await self._dismiss(member)

    def _worker_timeout(self) -> float:
        return self._loaded.settings.listen.worker_timeout if self._loaded is not None else 0.0

    async def _fill(self) -> None:
        """Make workers until there are as many as there should be; each failure makes the pause longer."""
        while self._is_short():
            if self._failures:
                await asyncio.sleep(min(_PAUSE * 2**self._failures, _PAUSE_MOST))
            self._failures += 1
            async with self._changing:
                if self._is_short():
                    await self._add()

    def _is_short(self) -> bool:
        return not self._draining and len(self._members) < self.wanted()

    async def _add(self) -> bool:
        """Make one worker that serves the config in use; tell whether that could be done."""
        if self._loaded is None or self._draining:
            return False
        try:
            member = await self._hire()
            await self._begin(member, self._loaded)
        except GatewayError as error:
            _log.error("worker_start_failed", fault=str(error))
            return False
        self._members.append(member)
        return True

    async def _begin(self, member: WorkerHandle, loaded: LoadedConfig) -> None:
        """Have a new worker build and serve; what is revoked meanwhile it is told like everybody."""
        self._coming.add(member)
        try:
            await member.build(loaded.config, self._revocations)
            await member.swap()
        except GatewayError:
            await self._dismiss(member)  # it may hang, and be there for ever
            raise
        finally:
            self._coming.discard(member)

    async def _succeed(self, member: WorkerHandle) -> None:
        """Put a fresh worker in the place of one that is to end, and end it then."""
        async with self._changing:
            if member not in self._members or not await self._add():
                return
        await self._end(member)

    async def _end(self, member: WorkerHandle, patience: float | None = None) -> None:
        """Have one end in order, within `listen.drain` seconds or `patience`; else kill it."""
        if member in self._members:
            self._members.remove(member)
            self._leaving.add(member)
        drain = self._loaded.settings.listen.drain if self._loaded is not None else 0.0
        if not await member.drain(drain if patience is None else patience) and not self._cutting:
            _log.warning("worker_drain_timed_out", pid=member.pid)
            await self._dismiss(member)

    async def _dismiss(self, member: WorkerHandle) -> None:
        """Kill one, and wait for nothing of it: a process that hangs in the kernel ends no sooner than its call."""
        self._roster.kill(member.pid)
        await member.hang_up()
