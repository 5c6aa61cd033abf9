"""Programs of others that tests start, and how they end with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from typing import Any

from tests.support.clients.raw_http import PATIENCE


@contextlib.asynccontextmanager
async def child_program(*command: str, **options: Any) -> AsyncIterator[Process]:
    """Run a program until the end of the block; `options` are those of `asyncio.create_subprocess_exec`.

    It has a process group of its own: a server that is killed leaves its workers behind, as Hypercorn does.
    """
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
