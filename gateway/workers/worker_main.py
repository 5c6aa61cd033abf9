"""What a forked worker does: it carries out the supervisor's orders until it is told to end, or the supervisor has."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket

from gateway.config.load import ConfigText, load_text
from gateway.model.errors import GatewayError
from gateway.telemetry.merging import snapshot
from gateway.wiring.process import Process
from gateway.workers.control import Build, Collect, Command, Discard, Drain, Leave, Reply, RevokeCommand, Swap
from gateway.workers.control_channel import ChannelClosedError, ControlChannel, open_channel
from gateway.workers.event_loop import run_loop
from gateway.workers.sockets import Ports
from gateway.workers.worker import Worker

_DRAIN = 20.0
"""Seconds that requests under way are given when nobody is left to say: the default of `listen.drain`."""


def worker_main(control: socket.socket, ports: Ports) -> int:
    """Be a worker on `ports.public`; return the exit code."""
    for each in (*ports.admin, *ports.health):
        each.close()
    return run_loop(_worker_main(control, ports))


async def _worker_main(control: socket.socket, ports: Ports) -> int:
    process = Process(shared=True)
    channel = await open_channel(control)
    hand = _CommandHandler(process, Worker(process, ports.public), channel)
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, hand.told_to_leave)
        await channel.listen(hand.carry)
        await hand.drain(_DRAIN)  # harmless when that was ordered before
    finally:
        await channel.close()
        await process.close()
    return 0


class _CommandHandler:
    """Carries out orders, one worker's."""

    def __init__(self, process: Process, worker: Worker, channel: ControlChannel) -> None:
        self._process = process
        self._worker = worker
        self._channel = channel
        self._draining: asyncio.Task[None] | None = None

    async def carry(self, order: Command) -> Reply:
        """Carry out one order; a fault of it is in the report."""
        try:
            return await self._carry(order)
        except GatewayError as error:
            return Reply(fault=str(error))

    async def drain(self, patience: float) -> None:
        """Let requests under way end; the first call counts."""
        if self._draining is None:
            self._draining = self._process.tasks.start(self._worker.drain(patience), "draining")
        await self._draining

    def told_to_leave(self) -> None:
        """Ask for a successor, which the supervisor lets begin before this worker ends."""
        self._process.tasks.start(self._ask_to_leave(), "asking to leave")

    async def _ask_to_leave(self) -> None:
        with contextlib.suppress(ChannelClosedError):  # then `listen` has ended, and this worker drains by itself
            await self._channel.ask(Leave())

    async def _carry(self, order: Command) -> Reply:
        match order:
            case Build():
                loaded = load_text(ConfigText(order.file, order.text), os.environ)
                await self._worker.build(loaded.settings, order.revoked)
            case Swap():
                await self._worker.swap()
            case Discard():
                await self._worker.discard()
            case RevokeCommand():
                return Reply(told=await self._worker.revoke(order.ended))
            case Collect():
                return self._report()
            case Drain():
                await self.drain(order.patience)
                return self._report()
        return Reply()

    def _report(self) -> Reply:
        return Reply(snapshot=snapshot(self._process.metrics.registry))
