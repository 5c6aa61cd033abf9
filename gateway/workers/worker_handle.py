"""One worker, as the supervisor sees it."""

from __future__ import annotations

import asyncio

from gateway.config.load import ConfigText
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.merging import Snapshot
from gateway.workers.control import Build, Collect, Command, Discard, Drain, Ping, Reply, RevokeCommand, Swap
from gateway.workers.control_channel import ChannelClosedError, ControlChannel, Execute
from gateway.workers.recent_revocations import RecentRevocations

_BUILDING = 60.0
"""Seconds within which a generation is built: a directory that is slow to connect to has 2 s by default."""

_QUICK = 2.0
"""Seconds for what needs no network. A worker whose loop is held up for longer is left out of the metrics."""

_HANGING_UP = 5.0
"""Seconds beyond its patience until a worker that should have ended is taken for hung."""


class WorkerHandle:
    """A worker behind its control channel. `serving` from its first swap until it is drained or has ended.

    `snapshot` is the last that was heard of its metrics.
    """

    def __init__(self, channel: ControlChannel, pid: int) -> None:
        self._channel = channel
        self.pid = pid
        self.serving = False
        self.snapshot: Snapshot = ()

    async def listen(self, carry: Execute) -> None:
        """Take part until the worker has ended; `carry` is asked what the worker asks."""
        try:
            await self._channel.listen(carry)
        finally:
            self.serving = False
            await self._channel.close()

    async def build(self, config: ConfigText, revocations: RecentRevocations) -> None:
        """Have it build a generation that knows what was revoked; raises GatewayError.

        What was revoked is read in the step that sends the order: whatever comes later follows it on the channel, and
        the generation hears of it while it is built. Read any earlier, a revocation in between would be in neither.
        """
        await self._must(Build(config.file, config.text, revocations.recent()), _BUILDING)

    async def swap(self) -> None:
        """Have it serve what was built; raises GatewayError."""
        await self._must(Swap(), _QUICK)
        self.serving = True

    async def discard(self) -> None:
        """Have it drop what was built, if it is still there."""
        await self._try(Discard(), _QUICK)

    async def revoke(self, ended: RevocationTarget) -> bool:
        """Have it end something; one that has ended itself remembers nothing that could be revoked."""
        report = await self._try(RevokeCommand(ended), _BUILDING)
        return report.told if report is not None else not self.serving

    async def ping(self) -> None:
        """Return when its event loop has answered, or it has ended."""
        await self._try(Ping(), None)

    async def collect(self) -> Snapshot:
        """Return its metrics, or the last that were heard."""
        report = await self._try(Collect(), _QUICK)
        if report is not None:
            self.snapshot = report.snapshot
        return self.snapshot

    async def drain(self, patience: float) -> bool:
        """Have it end within `patience` seconds, and hang up; false when it did not answer."""
        self.serving = False
        report = await self._try(Drain(patience), patience + _HANGING_UP)
        if report is not None:
            self.snapshot = report.snapshot
        await self.hang_up()
        return report is not None

    async def hang_up(self) -> None:
        """Have no more to do with it: `listen` returns, whether the process ends or not."""
        await self._channel.close()

    async def _must(self, order: Command, seconds: float) -> None:
        report = await self._try(order, seconds)
        if report is None:
            raise GatewayError("a worker has ended, or does not answer")
        if report.fault:
            raise GatewayError(report.fault)

    async def _try(self, order: Command, seconds: float | None) -> Reply | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._channel.ask(order)
        except (ChannelClosedError, TimeoutError):
            return None
