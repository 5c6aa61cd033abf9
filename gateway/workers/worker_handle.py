"""A worker process as the supervisor sees it, from its fork to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable

import structlog

from gateway.config.load import ConfigText
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot
from gateway.workers.control import (
    Build,
    ChangeCommand,
    ChannelClosedError,
    Collect,
    Command,
    ControlChannel,
    Discard,
    Drain,
    ExecuteCommand,
    Ping,
    Reply,
    RevokeCommand,
    Swap,
    open_channel,
)
from gateway.workers.fork_server import Forked, ForkServer
from gateway.workers.worker_group import RecentRevocations

_log = structlog.get_logger(__name__)

_BUILD_SECONDS = 60.0
"""Within which a generation is built: a directory that is slow to connect to takes 2 s by default."""

_REPLY_SECONDS = 2.0
"""For what needs no network. A worker whose loop is busy for longer is left out of the metrics."""

_EXIT_SECONDS = 5.0
"""Beyond its grace, after which a worker that was drained is taken for hung."""

_PING_PARTS = 10
"""Parts in which a ping's reply is awaited. When the machine was suspended, supervisor and workers stood still alike:
the supervisor finds one part over, however long that was, and the worker has the others to reply in."""

_RECHECK_SECONDS = 1.0
"""After which `listen.worker_timeout` is read again while it is 0; a reload may change it."""

_FORK_SECONDS = 60.0
"""Within which a worker is forked: a matter of milliseconds, unless the machine stands still."""

FORK_SERVER_LOST = "no worker can be started any more: the process that forks them has gone"


class WorkerHandle:
    """A worker behind its control channel; `snapshot` is the last of its metrics.

    `serving` from its first swap until it is drained or has exited.
    """

    def __init__(self, channel: ControlChannel, pid: int) -> None:
        self._channel = channel
        self.pid = pid
        self.serving = False
        self.snapshot: Snapshot = ()

    async def listen(self, execute: ExecuteCommand) -> None:
        """Exchange messages until the worker has exited; `execute` runs the commands that it sends."""
        try:
            await self._channel.listen(execute)
        finally:
            self.serving = False
            await self._channel.close()

    async def build(self, config: ConfigText, revocations: RecentRevocations) -> None:
        """Let the worker build a generation that knows the recent revocations; raises GatewayError.

        They are read in the step that sends the command: a later revocation follows it on the channel and reaches the
        generation while it is built. Read any earlier, a revocation in between would be in neither.
        """
        await self._require(Build(config.file, config.text, revocations.recent()), _BUILD_SECONDS)

    async def swap(self) -> None:
        """Let the worker serve what it built; raises GatewayError."""
        await self._require(Swap(), _REPLY_SECONDS)
        self.serving = True

    async def discard(self) -> None:
        """Let the worker drop what it built, if it is still there."""
        await self._request(Discard(), _REPLY_SECONDS)

    async def revoke(self, target: RevocationTarget) -> bool:
        """Revoke in the worker; return whether it took effect. An exited worker counts as revoked."""
        reply = await self._request(RevokeCommand(target), _BUILD_SECONDS)
        return reply.complete if reply is not None else not self.serving

    async def change(self, target: RevocationTarget) -> bool:
        """Have the worker look up again what it cached; return whether it does. An exited worker has cached nothing."""
        reply = await self._request(ChangeCommand(target), _BUILD_SECONDS)
        return reply.complete if reply is not None else not self.serving

    async def collect(self) -> Snapshot:
        """Return the worker's metrics, the last known ones when it does not reply."""
        reply = await self._request(Collect(), _REPLY_SECONDS)
        if reply is not None:
            self.snapshot = reply.snapshot
        return self.snapshot

    async def wait_until_hung(self, limit: Callable[[], float]) -> None:
        """Return when the worker serves and has not replied to a ping for `limit()` seconds; 0 is never.

        A worker that is building or draining has time limits of its own. To be cancelled when the worker has exited.
        """
        while True:
            seconds = limit()
            await asyncio.sleep(seconds / _PING_PARTS if seconds else _RECHECK_SECONDS)
            if seconds and self.serving and not await self._replies_within(seconds) and self.serving:
                return

    async def drain(self, grace: float) -> bool:
        """Let the worker exit within `grace` seconds and close its channel; return whether it replied."""
        self.serving = False
        reply = await self._request(Drain(grace), grace + _EXIT_SECONDS)
        if reply is not None:
            self.snapshot = reply.snapshot
        await self.close()
        return reply is not None

    async def close(self) -> None:
        """Close the channel: `listen` returns, whether the process exits or not."""
        await self._channel.close()

    async def _replies_within(self, seconds: float) -> bool:
        async with asyncio.TaskGroup() as group:
            ping = group.create_task(self._request(Ping(), None))
            for _ in range(_PING_PARTS):
                if (await asyncio.wait({ping}, timeout=seconds / _PING_PARTS))[0]:
                    return True
            ping.cancel()
            return False

    async def _require(self, command: Command, seconds: float) -> None:
        reply = await self._request(command, seconds)
        if reply is None:
            raise GatewayError("a worker has exited, or does not reply")
        if reply.fault:
            raise GatewayError(reply.fault)

    async def _request(self, command: Command, seconds: float | None) -> Reply | None:
        """Return the reply, None when the worker exits or `seconds` pass before it."""
        try:
            async with asyncio.timeout(seconds):
                return await self._channel.request(command)
        except (ChannelClosedError, TimeoutError):
            return None


class WorkerSpawner:
    """Forks workers and kills them. To be made on the running event loop, which reads the fork server's events.

    `lost` is set when the fork server has gone, so that no worker will ever be forked again.
    """

    def __init__(self, fork_server: ForkServer) -> None:
        self._fork_server = fork_server
        self.lost = asyncio.Event()
        self._pending: deque[asyncio.Future[int]] = deque()
        self._alive: set[int] = set()
        asyncio.get_running_loop().add_reader(fork_server.fileno(), self._on_event)

    async def spawn(self) -> WorkerHandle:
        """Fork a worker; raises GatewayError."""
        try:
            end = self._fork_server.fork()
        except OSError as error:
            raise GatewayError(FORK_SERVER_LOST) from error
        pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.append(pid)
        channel = await open_channel(end)
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                return WorkerHandle(channel, await pid)
        except BaseException as error:
            await channel.close()  # a worker that is forked after all finds its channel closed, and exits
            if isinstance(error, TimeoutError):
                raise GatewayError("a worker was not forked in time") from error
            raise

    def kill(self, pid: int) -> None:
        """Kill a worker at once. One that has exited is left alone: its id may be another process' by now."""
        if pid in self._alive:
            with contextlib.suppress(ProcessLookupError):  # it has exited, and the event is on its way
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let the fork server exit; workers are not touched."""
        asyncio.get_running_loop().remove_reader(self._fork_server.fileno())
        self._fork_server.close()

    def _on_event(self) -> None:
        event = self._fork_server.next_event()
        if event is None:
            self._fork_server_lost()
        elif isinstance(event, Forked):
            self._alive.add(event.pid)
            pid = self._pending.popleft()  # workers are forked in the order in which they were asked for
            if not pid.done():
                pid.set_result(event.pid)
        else:
            self._alive.discard(event.pid)
            if event.code or event.signal:
                _log.warning("worker_failed", pid=event.pid, code=event.code, signal=event.signal)

    def _fork_server_lost(self) -> None:
        _log.error("fork_server_lost")
        self.lost.set()
        asyncio.get_running_loop().remove_reader(self._fork_server.fileno())
        for pid in self._pending:
            if not pid.done():
                pid.set_exception(GatewayError(FORK_SERVER_LOST))
