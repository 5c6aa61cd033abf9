"""The processes that serve the public port, as one group: here the group of one process, in worker_pool several."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from typing_extensions import override

from gateway.admin.fleet_hooks import FleetHooks
from gateway.config.load import LoadedConfig
from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot, snapshot
from gateway.wiring.process import Process
from gateway.workers.control import RecordedRevocation
from gateway.workers.worker import Worker

_log = structlog.get_logger(__name__)

_MAX_RECORDED = 10_000
"""Revocations that are remembered, some hundred bytes each: more than an administrator makes within `cache.revoked`.
The oldest go first. A fleet that revokes by the thousand has Redis, which remembers them all."""


class RecentRevocations:
    """What was revoked over this gateway's own admin port, for generations and workers that are built later.

    Without it a reload would forget the revocation of a token whose issuer knows nothing of it. `clock` is in epoch
    seconds; each is remembered for `ttl` seconds.
    """

    def __init__(self, clock: Callable[[], float], ttl: float) -> None:
        self._clock = clock
        self._recorded: deque[RecordedRevocation] = deque(maxlen=_MAX_RECORDED)
        self.ttl = ttl

    def record(self, target: RevocationTarget) -> None:
        """Remember that something was revoked now."""
        self._recorded.append(RecordedRevocation(target, self._clock()))

    def recent(self) -> tuple[RecordedRevocation, ...]:
        """Return what is still remembered, the oldest first."""
        since = self._clock() - self.ttl
        while self._recorded and self._recorded[0].at < since:
            self._recorded.popleft()
        return tuple(self._recorded)


class WorkerGroup(Protocol):
    """All processes that serve the public port; the first `apply` begins to serve.

    `broken` is set when no process can be replaced any more: the gateway has to end while there are some.
    """

    broken: asyncio.Event

    async def apply(self, loaded: LoadedConfig) -> None:
        """Build a generation of the config in every process and, when all have one, let all serve it.

        Each generation knows the recent revocations. Raises GatewayError with what any process reports; then all serve
        what they served before.
        """

    def attach(self, fleet: FleetHooks) -> None:
        """Let every process that answers the API ask the whole fleet by `fleet`."""

    async def revoke(self, target: RevocationTarget) -> bool:
        """Revoke in every process; return whether it took effect in all of them, and in Redis."""

    async def change(self, target: RevocationTarget) -> bool:
        """Have every process look up again what it cached of a row that changed; return whether all were told."""

    async def collect(self) -> Sequence[Snapshot]:
        """Return the metrics of every process."""

    async def renew(self) -> None:
        """Replace every process by a fresh one, one after another, without a moment in which none serves."""

    def serving(self) -> int:
        """Return how many processes serve."""

    def wanted(self) -> int:
        """Return how many processes should serve."""

    def cut(self) -> None:
        """Break off what is in flight, so that `drain` returns soon."""

    async def drain(self, grace: float) -> None:
        """Let requests in flight end within `grace` seconds, then close everything."""


class SingleProcess(WorkerGroup):
    """`listen.workers: 1`: this process serves the public port beside the admin port."""

    def __init__(self, process: Process, worker: Worker, revocations: RecentRevocations) -> None:
        self._process = process
        self._worker = worker
        self._revocations = revocations
        self.broken = asyncio.Event()

    @override
    async def apply(self, loaded: LoadedConfig) -> None:
        await self._worker.build(loaded.settings, self._revocations.recent())
        await self._worker.swap()

    @override
    def attach(self, fleet: FleetHooks) -> None:
        self._worker.fleet = fleet

    @override
    async def revoke(self, target: RevocationTarget) -> bool:
        return await self._worker.revoke(target)

    @override
    async def change(self, target: RevocationTarget) -> bool:
        return await self._worker.change(target)

    @override
    async def collect(self) -> Sequence[Snapshot]:
        return (snapshot(self._process.metrics.registry),)

    @override
    async def renew(self) -> None:
        # A process cannot replace itself without a moment in which none serves.
        _log.warning("workers_not_renewed")

    @override
    def serving(self) -> int:
        return int(self._process.ready())

    @override
    def wanted(self) -> int:
        return 1  # also when a reload asks for more: that takes a restart

    @override
    def cut(self) -> None:
        self._worker.cut()

    @override
    async def drain(self, grace: float) -> None:
        await self._worker.drain(grace)
