"""oauth2-proxy itself, which `make e2e-go` builds from its Go module."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest

from tests.support.clients.raw_http import exchange

_STARTED = (b"Server listening", b"HTTP: listening", b"OAuthProxy configured")


@contextlib.asynccontextmanager
async def oauth2_proxy(port: int, issuer: str, client: str, secret: str, *options: str) -> AsyncIterator[None]:
    """Run it as a client of the issuer until the end."""
    program = shutil.which("oauth2-proxy")
    if program is None:
        pytest.fail("no oauth2-proxy: run `make e2e-go`, which builds it", pytrace=False)
    base = {
        "http-address": f"127.0.0.1:{port}",
        "provider": "oidc",
        "oidc-issuer-url": issuer,
        "client-id": client,
        "client-secret": secret,
        "cookie-secret": "0123456789abcdef0123456789abcdef",
        "email-domain": "*",
        "redirect-url": f"http://127.0.0.1:{port}/oauth2/callback",
        "silence-ping-logging": "true",
    }
    command = [program, *(f"--{name}={value}" for name, value in base.items()), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        while line := await process.stdout.readline():  # it says so once it has read the issuer's document
            if any(started in line for started in _STARTED):
                break
        draining = asyncio.get_running_loop().create_task(process.stdout.read())
        await _reachable(port)
        yield
        process.terminate()
        await process.wait()
        await draining
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _reachable(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await exchange(port, b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return
