"""Applications that say which path they serve, on real servers: Hypercorn, which speaks h2c, and gunicorn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT
from tests.support.servers.child_programs import child_program
from tests.support.servers.ports import free_port

_START_SECONDS = 20.0
_MODULE = "tests.support.servers.plain_applications"
_COMMANDS = {
    "hypercorn": ("hypercorn", f"{_MODULE}:asgi", "--bind"),
    "gunicorn": ("gunicorn", f"{_MODULE}:wsgi", "--workers", "1", "--bind"),
}


async def asgi(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the path."""
    if scope["type"] != "http":
        raise RuntimeError("nothing but requests")
    del receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the path that a framework would route by."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["PATH_INFO"]).encode()]


@contextlib.asynccontextmanager
async def running_application(server: str, folder: Path) -> AsyncIterator[int]:
    """Run the application on `hypercorn` or `gunicorn`; yield its port."""
    port = free_port()
    program, *arguments = _COMMANDS[server]
    command = [str(Path(sys.executable).parent / program), *arguments, f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / f"{server}.log").open("wb") as output:
        async with child_program(*command, cwd=ROOT, stdout=output, stderr=output, env=environment) as process:
            async with asyncio.timeout(_START_SECONDS):
                await _accepts(process, port)
            yield port


async def _accepts(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until the port is listened at; there is no event to wait for, so it is tried again and again."""
    while process.returncode is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the application does not start")
