"""A worker group of several processes on one listening socket, each replaced when it exits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

import structlog
from typing_extensions import override

from gateway.admin.fleet_hooks import FleetHooks
from gateway.config.load import LoadedConfig
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.exposition import Snapshot, cumulative, merge
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.workers.control import Command, ExecuteCommand, Leave, Reply
from gateway.workers.fleet_commands import FleetCommands
from gateway.workers.fork_server import ForkServer
from gateway.workers.sockets import Sockets
from gateway.workers.worker_group import RecentRevocations, WorkerGroup
from gateway.workers.worker_handle import WorkerHandle, WorkerSpawner

_log = structlog.get_logger(__name__)

_MIN_BACKOFF = 0.1
_MAX_BACKOFF = 10.0
"""Seconds before an exited worker is replaced: none the first time, then doubled by each failure. A worker that lived
for longer than the longest starts the count anew."""


class WorkerPool(WorkerGroup):
    """`listen.workers: N` on `sockets`. Changes (a reload, a replacement) come one after another."""

    def __init__(
        self, fork_server: ForkServer, sockets: Sockets, revocations: RecentRevocations, metrics: WorkerGroupMetrics
    ) -> None:
        self._spawner = WorkerSpawner(fork_server)
        self.broken = self._spawner.lost
        self._sockets = sockets
        self._revocations = revocations
        self._metrics = metrics
        self._workers: list[WorkerHandle] = []
        self._starting: set[WorkerHandle] = set()
        self._stopping: set[WorkerHandle] = set()
        self._exited: Snapshot = ()
        self._loaded: LoadedConfig | None = None
        self._changing = asyncio.Lock()
        self._tasks = TaskKeeper()
        self._draining = self._cutting = False
        self._failures = 0
        self._fleet_commands = FleetCommands(revocations)

    @override
    async def apply(self, loaded: LoadedConfig) -> None:
        wanted = loaded.settings.listen.workers
        async with self._changing:
            try:
                while len(self._workers) < wanted:
                    self._workers.append(await self._spawn())
                await self._build(loaded)
            except BaseException:
                await self._roll_back()
                raise
            self._loaded = loaded
            await asyncio.gather(*(self._swap(worker) for worker in self._workers))
            surplus = self._workers[wanted:]
        for worker in surplus:
            self._tasks.start(self._stop(worker), "end of a surplus worker")

    @override
    def attach(self, fleet: FleetHooks) -> None:
        self._fleet_commands.fleet = fleet

    @override
    async def revoke(self, target: RevocationTarget) -> bool:
        return all(await asyncio.gather(*(worker.revoke(target) for worker in self._all())))

    @override
    async def change(self, target: RevocationTarget) -> bool:
        return all(await asyncio.gather(*(worker.change(target) for worker in self._all())))

    @override
    async def collect(self) -> Sequence[Snapshot]:
        """Return every worker's metrics, and the counters of those that have exited."""
        return (self._exited, *await asyncio.gather(*(worker.collect() for worker in self._all())))

    @override
    async def renew(self) -> None:
        for worker in tuple(self._workers):
            await self._replace(worker)

    @override
    def serving(self) -> int:
        return sum(worker.serving for worker in self._workers)

    @override
    def wanted(self) -> int:
        return self._loaded.settings.listen.workers if self._loaded is not None else 0

    @override
    def cut(self) -> None:
        self._cutting = True
        for worker in self._all():
            self._spawner.kill(worker.pid)

    @override
    async def drain(self, grace: float) -> None:
        self._draining = True
        self._spawner.close()
        for each in self._sockets:  # while any process holds them, the kernel accepts connections that nobody serves
            each.close()
        await asyncio.gather(*(self._stop(worker, grace) for worker in tuple(self._workers)))
        await self._tasks.aclose()

    def _all(self) -> list[WorkerHandle]:
        return [*self._workers, *self._starting, *self._stopping]

    async def _build(self, loaded: LoadedConfig) -> None:
        """Build in every worker; raises GatewayError with all their faults, each once."""
        builds = (worker.build(loaded.config, self._revocations) for worker in self._workers)
        results = await asyncio.gather(*builds, return_exceptions=True)
        faults = [result for result in results if isinstance(result, BaseException)]
        if faults and not isinstance(faults[0], GatewayError):
            raise faults[0]
        if faults:
            raise GatewayError("\n".join(dict.fromkeys(map(str, faults))))

    async def _roll_back(self) -> None:
        """Discard what was built, and stop the workers that serve nothing yet."""
        await asyncio.gather(
            *(worker.discard() if worker.serving else self._stop(worker, 0.0) for worker in self._workers)
        )

    async def _swap(self, worker: WorkerHandle) -> None:
        """Let a worker serve what it built; one that fails is killed, and its successor serves the new config."""
        try:
            await worker.swap()
        except GatewayError as error:
            _log.error("worker_swap_failed", pid=worker.pid, fault=str(error))
            await self._kill(worker)

    async def _spawn(self) -> WorkerHandle:
        """Fork a worker and supervise it; raises GatewayError."""
        worker = await self._spawner.spawn()

        async def execute(command: Command) -> Reply:
            return await self._execute(worker, command)

        self._tasks.start(self._supervise(worker, execute), "supervision of a worker")
        return worker

    async def _execute(self, worker: WorkerHandle, command: Command) -> Reply:
        """Do what a worker asks for: a successor, or something of the whole fleet."""
        if isinstance(command, Leave):
            self._tasks.start(self._replace(worker), "replacement of a worker")
            return Reply()
        return await self._fleet_commands.execute(command)

    async def _supervise(self, worker: WorkerHandle, execute: ExecuteCommand) -> None:
        """Exchange messages with a worker until it exits; then keep its counters and replace it."""
        began = monotonic()
        watching = self._tasks.start(self._kill_when_hung(worker), "watching of a worker")
        await worker.listen(execute)
        watching.cancel()
        self._exited = merge((self._exited, cumulative(worker.snapshot)))
        self._stopping.discard(worker)
        if worker not in self._workers or self._draining or self._loaded is None:
            return
        self._workers.remove(worker)
        _log.warning("worker_ended", pid=worker.pid)
        self._metrics.worker_ended()
        if monotonic() - began > _MAX_BACKOFF:
            self._failures = 0
        await self._refill()

    async def _kill_when_hung(self, worker: WorkerHandle) -> None:
        await worker.wait_until_hung(self._worker_timeout)
        _log.error("worker_hung", pid=worker.pid, seconds=self._worker_timeout())
        await self._kill(worker)

    def _worker_timeout(self) -> float:
        return self._loaded.settings.listen.worker_timeout if self._loaded is not None else 0.0

    async def _refill(self) -> None:
        """Start workers until there are as many as wanted."""
        while self._is_short():
            if self._failures:
                await asyncio.sleep(min(_MIN_BACKOFF * 2**self._failures, _MAX_BACKOFF))
            self._failures += 1
            async with self._changing:
                if self._is_short():
                    await self._add()

    def _is_short(self) -> bool:
        return not self._draining and len(self._workers) < self.wanted()

    async def _add(self) -> bool:
        """Start one worker on the current config; return whether it serves."""
        if self._loaded is None or self._draining:
            return False
        try:
            worker = await self._spawn()
            await self._start(worker, self._loaded)
        except GatewayError as error:
            _log.error("worker_start_failed", fault=str(error))
            return False
        self._workers.append(worker)
        return True

    async def _start(self, worker: WorkerHandle, loaded: LoadedConfig) -> None:
        """Let a new worker build and serve; revocations reach it meanwhile. Raises GatewayError."""
        self._starting.add(worker)
        try:
            await worker.build(loaded.config, self._revocations)
            await worker.swap()
        except GatewayError:
            await self._kill(worker)  # it may hang, and would never exit by itself
            raise
        finally:
            self._starting.discard(worker)

    async def _replace(self, worker: WorkerHandle) -> None:
        """Start a successor, then stop the worker."""
        async with self._changing:
            if worker not in self._workers or not await self._add():
                return
        await self._stop(worker)

    async def _stop(self, worker: WorkerHandle, grace: float | None = None) -> None:
        """Drain a worker within `grace` (default: `listen.drain`) seconds, else kill it."""
        if worker in self._workers:
            self._workers.remove(worker)
            self._stopping.add(worker)
        drain = self._loaded.settings.listen.drain if self._loaded is not None else 0.0
        if not await worker.drain(drain if grace is None else grace) and not self._cutting:
            _log.warning("worker_drain_timed_out", pid=worker.pid)
            await self._kill(worker)

    async def _kill(self, worker: WorkerHandle) -> None:
        """Kill a worker without waiting: a process that hangs in the kernel exits only when its system call returns."""
        self._spawner.kill(worker.pid)
        await worker.close()
