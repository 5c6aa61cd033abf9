"""A crew of one: the public port is served where the admin port is."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from gateway.config.load import LoadedConfig
from gateway.model.session import RevocationTarget
from gateway.telemetry.merging import Snapshot, snapshot
from gateway.wiring.process import Process
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.worker import Worker

_log = structlog.get_logger(__name__)


class SingleProcess:
    """`listen.workers: 1`."""

    def __init__(self, process: Process, worker: Worker, revocations: RecentRevocations) -> None:
        self._process = process
        self._worker = worker
        self._revocations = revocations

    async def change(self, loaded: LoadedConfig) -> None:
        """Build a generation here, and serve it."""
        await self._worker.build(loaded.settings, self._revocations.recent())
        await self._worker.swap()

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End something here, and in the fleet."""
        return await self._worker.revoke(ended)

    async def collect(self) -> Sequence[Snapshot]:
        """Return this process's metrics."""
        return (snapshot(self._process.metrics.registry),)

    async def renew(self) -> None:
        """Say that nothing is done: a process cannot replace itself without a moment in which none serves."""
        _log.warning("workers_not_renewed")

    def serving(self) -> int:
        """Return 1 while it serves."""
        return int(self._process.ready())

    def wanted(self) -> int:
        """Return 1, whatever a later config says: it takes a restart to become several."""
        return 1

    def cut(self) -> None:
        """Wait for no request any more."""
        self._worker.cut()

    async def drain(self, patience: float) -> None:
        """Let requests under way end."""
        await self._worker.drain(patience)
