"""What runs in a forked worker: it executes the supervisor's commands until its channel closes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket

from gateway.admin.fleet_hooks import FleetHooks
from gateway.config.load import ConfigText, load_text
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot, snapshot
from gateway.wiring.process import Process, run_loop
from gateway.workers.control import (
    Build,
    ChangeCommand,
    ChannelClosedError,
    Collect,
    Command,
    ControlChannel,
    Discard,
    Drain,
    Leave,
    ListRevocations,
    RecordedRevocation,
    Reply,
    RevokeCommand,
    Swap,
    open_channel,
)
from gateway.workers.sockets import Ports
from gateway.workers.worker import Worker

_GRACE = 20.0
"""Seconds that requests in flight are given when the supervisor has gone: the default of `listen.drain`."""


def worker_main(control: socket.socket, ports: Ports) -> int:
    """Run a worker on `ports.public` and `ports.grpc`; return the exit code."""
    for each in (*ports.admin, *ports.health):
        each.close()
    return run_loop(_run(control, ports))


async def _run(control: socket.socket, ports: Ports) -> int:
    process = Process()
    channel = await open_channel(control)
    worker = Worker(process, ports.public, ports.grpc)
    worker.fleet = _fleet_behind(channel)
    handler = _CommandHandler(process, worker, channel)
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handler.leave)
        await channel.listen(handler.execute)
        await handler.drain(_GRACE)  # does nothing when the supervisor sent `Drain` before
    finally:
        await channel.close()
        await process.close()
    return 0


def _fleet_behind(channel: ControlChannel) -> FleetHooks:
    """Return what asks the supervisor for the whole fleet; each raises ChannelClosedError when it has gone."""

    async def revoke(target: RevocationTarget) -> bool:
        return (await channel.request(RevokeCommand(target))).complete

    async def change(target: RevocationTarget) -> bool:
        return (await channel.request(ChangeCommand(target))).complete

    async def collect() -> Snapshot:
        return (await channel.request(Collect())).snapshot

    async def recorded() -> tuple[RecordedRevocation, ...]:
        return (await channel.request(ListRevocations())).revocations

    return FleetHooks(revoke, change, recorded, collect)


class _CommandHandler:
    """Executes the commands of the supervisor."""

    def __init__(self, process: Process, worker: Worker, channel: ControlChannel) -> None:
        self._process = process
        self._worker = worker
        self._channel = channel
        self._draining: asyncio.Task[None] | None = None

    async def execute(self, command: Command) -> Reply:
        """Execute one command; a GatewayError becomes the reply's fault."""
        try:
            return await self._execute(command)
        except GatewayError as error:
            return Reply(fault=str(error))

    async def drain(self, grace: float) -> None:
        """Let requests in flight end within `grace` seconds; only the first call's `grace` counts."""
        if self._draining is None:
            self._draining = self._process.tasks.start(self._worker.drain(grace), "draining")
        await self._draining

    def leave(self) -> None:
        """Ask the supervisor, on SIGTERM, to start a successor and then drain this worker."""
        self._process.tasks.start(self._leave(), "request for a successor")

    async def _leave(self) -> None:
        with contextlib.suppress(ChannelClosedError):  # then `listen` has returned, and this worker drains by itself
            await self._channel.request(Leave())

    async def _execute(self, command: Command) -> Reply:
        match command:
            case Build():
                loaded = load_text(ConfigText(command.file, command.text), os.environ)
                await self._worker.build(loaded.settings, command.revocations)
            case Swap():
                await self._worker.swap()
            case Discard():
                await self._worker.discard()
            case RevokeCommand():
                return Reply(complete=await self._worker.revoke(command.target))
            case ChangeCommand():
                return Reply(complete=await self._worker.change(command.target))
            case Collect():
                return self._metrics()
            case Drain():
                await self.drain(command.grace)
                return self._metrics()
        return Reply()

    def _metrics(self) -> Reply:
        return Reply(snapshot=snapshot(self._process.metrics.registry))
