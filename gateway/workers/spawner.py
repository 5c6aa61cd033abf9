"""The worker processes that there are: made by the nursery, and known by their ids from their birth to their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque

import structlog

from gateway.model.errors import GatewayError
from gateway.workers.control_channel import open_channel
from gateway.workers.fork_server import Forked, ForkServer
from gateway.workers.worker_handle import WorkerHandle

_log = structlog.get_logger(__name__)

_FORK_SECONDS = 60.0
"""Seconds within which a worker is forked: a matter of milliseconds, unless the machine stands still."""

_GONE = "no worker can be made any more: the process that forks them has gone"


class WorkerSpawner:
    """Hires workers and kills them. To be made on the running event loop, which hears the nursery's news."""

    def __init__(self, nursery: ForkServer) -> None:
        self._nursery = nursery
        self._unborn: deque[asyncio.Future[int]] = deque()
        self._alive: set[int] = set()
        asyncio.get_running_loop().add_reader(nursery.fileno(), self._hear)

    async def spawn(self) -> WorkerHandle:
        """Have a process forked; raises GatewayError."""
        try:
            end = self._nursery.fork()
        except OSError as error:
            raise GatewayError(_GONE) from error
        birth: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._unborn.append(birth)
        channel = await open_channel(end)
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                return WorkerHandle(channel, await birth)
        except BaseException as error:
            await channel.close()  # one that is born after all finds that nobody wants it, and ends
            if isinstance(error, TimeoutError):
                raise GatewayError("a worker was not made in time") from error
            raise

    def kill(self, pid: int) -> None:
        """End a process at once. One that has ended is let be: its id may be anybody's by now."""
        if pid in self._alive:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and the news of it is on its way
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let the nursery end; workers are not touched."""
        asyncio.get_running_loop().remove_reader(self._nursery.fileno())
        self._nursery.close()

    def _hear(self) -> None:
        news = self._nursery.news()
        if news is None:
            self._fork_server_lost()
        elif isinstance(news, Forked):
            self._alive.add(news.pid)
            birth = self._unborn.popleft()  # they are born in the order in which they were asked for
            if not birth.done():
                birth.set_result(news.pid)
        else:
            self._alive.discard(news.pid)
            if news.code or news.signal:
                _log.warning("worker_failed", pid=news.pid, code=news.code, signal=news.signal)

    def _fork_server_lost(self) -> None:
        _log.error("fork_server_lost")
        asyncio.get_running_loop().remove_reader(self._nursery.fileno())
        for birth in self._unborn:
            if not birth.done():
                birth.set_exception(GatewayError(_GONE))
