"""The page of a person's devices in a real Chromium: by keyboard, and at 320 px."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.operations.session_rows import NewDevice
from tests.support.gateways.serving import Examples, config, serving
from tests.support.gateways.signed_in import FIREFOX, MEMGHOST_USER, sign_in
from tests.support.servers.recording_upstream import recording_upstream

NPM = Path(__file__).parent / "npm"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
LONG = NewDevice(name="Chrome", version="150.0.1", os_name="Windows", os_version="11")


async def test_people_sign_out_by_keyboard_on_a_narrow_screen(examples: Examples, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or BROWSER is None or not (NPM / "node_modules/playwright-core").is_dir():
        pytest.fail("no browser: run tests/e2e/run, which gets Chromium, Node.js and what npm has", pytrace=False)
    accounts = examples.settings(tmp_path)
    picture = Path(os.environ.get("GATEWAY_SCREENSHOTS", tmp_path)) / "devices.png"
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, sessions={"credentials": ["cookie"]}), tmp_path) as gateway,
    ):
        mine = await sign_in(accounts, MEMGHOST_USER, user_agent=FIREFOX, ip="192.0.2.7")
        for _ in range(2):
            await sign_in(accounts, MEMGHOST_USER, device=LONG, ip="2001:db8:1234:5678:9abc:def0:1234:5678")
        url = f"http://127.0.0.1:{gateway.port}/_gateway/devices"
        process = await asyncio.create_subprocess_exec(
            node, NPM / "devices.mjs", url, mine.cookie or "", BROWSER, picture, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(90):
            output, _ = await process.communicate()
    assert process.returncode == 0
    seen: dict[str, Any] = json.loads(output)
    # its own answer to who is signed out is 401, which Chromium calls an error
    assert [error for error in seen["errors"] if "401" not in error] == []
    assert (seen["foreign"], seen["width"]) == ([], 320)
    assert (seen["sessions"], seen["left"], seen["alone"]) == (4, 3, 1)
    assert seen["signedOut"] == [401, "You are not signed in."]
    assert seen["cookies"] == 0
