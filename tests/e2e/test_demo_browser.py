"""The demo as a person tries it: signed in by the printed name and password in a real Chromium, and out again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.repository import ROOT

NPM = Path(__file__).parent / "npm"
PATIENCE = 90.0
PRINTED = re.compile(r"open (http://127\.0\.0\.1:\d+)/ and sign in as (\S+) with (\S+)\n")


async def browsed(*arguments: str | Path) -> dict[str, Any]:
    """Return what the browser saw."""
    node, chromium = shutil.which("node"), shutil.which("chromium") or shutil.which("chromium-browser")
    if node is None or chromium is None or not (NPM / "node_modules/playwright-core").is_dir():
        pytest.fail("no browser: run tests/e2e/run, which gets Chromium, Node.js and what npm has", pytrace=False)
    *which, folder = arguments
    command = (node, NPM / "demo_browser.mjs", *which, chromium, folder)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    seen: dict[str, Any] = json.loads(output)
    return seen


async def by_curl(line: str) -> str:
    """Return what a printed line prints."""
    process = await asyncio.create_subprocess_exec(*shlex.split(line), "-s", stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()


async def test_a_person_signs_in_sees_the_devices_and_signs_out(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "demo", "--port", "0", "--admin-port", "0"),
        cwd=ROOT,
        env={**ENVIRONMENT, "TMPDIR": str(temporary)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            greeting = (await demo.stdout.readuntil(b"nothing behind.")).decode()
            printed = PRINTED.search(greeting)
            assert printed is not None
            logins = [line for line in greeting.splitlines() if line.endswith("/login")]
            answers = [await by_curl(line) for line in logins]
            seen = await browsed(*printed.groups(), Path(os.environ.get("GATEWAY_SCREENSHOTS", tmp_path)))
    finally:
        demo.terminate()  # not killed: its Valkey would outlive it
        await demo.communicate()
    assert ["access_token" in answers[0], "authToken" in answers[1]] == [True, True]
    assert (seen["form"], seen["wrong"], seen["right"], seen["landed"]) == ("/_gateway/sign-in", 403, 200, "/")
    assert "user_456789123" in seen["upstream"]
    assert seen["cookie"] == {"name": "__Host-session", "httpOnly": True, "secure": True, "sameSite": "Lax"}
    assert (len(seen["devices"]), seen["current"], seen["foreign"]) == (4, 1, [])
    assert any("Chrome" in device for device in seen["devices"])
    assert "signed out" in seen["signedOut"]
    assert (seen["cookies"], seen["again"]) == (0, "/_gateway/sign-in")
