"""A real browser that signs in at a real provider (Chromium and npm's oidc-provider), and out."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT

NPM = ROOT / "tests/e2e/npm"
CLIENT_SECRET = "a secret: with +%& characters"
_PATIENCE = 120.0


@contextmanager
def issuing(gateway: str, *callbacks: str) -> Iterator[str]:
    """Run the provider and yield its URL. By its pipes: what PyPI calls `node` passes no signal on."""
    command = [_program("node"), NPM / "sign_in_issuer.mjs", gateway, *callbacks]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.strip() for line in process.stdout if line.startswith("http://"))
        process.communicate()


async def browsed(gateway: str, folder: Path, *, cookie: str, sign_out: str) -> dict[str, Any]:
    """Return what the browser saw at a gateway that has such a cookie, and such a page to sign out at."""
    chromium = _program("chromium", "chromium-browser")
    command = (_program("node"), NPM / "sign_in_browser.mjs", gateway, chromium, folder, cookie, sign_out)
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(_PATIENCE):
        output, _ = await process.communicate()
    seen: dict[str, Any] = json.loads(output)
    return seen


def _program(name: str, *others: str) -> str:
    found = next(filter(None, map(shutil.which, (name, *others))), None)
    if found is None or not (NPM / "node_modules").exists():
        pytest.fail(f"no {name}: run tests/e2e/run, which gets it", pytrace=False)
    return found
