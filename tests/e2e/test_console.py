"""The console of the admin port in a real Chromium: by keyboard, and at 320 px."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.admin_client import AdminClient
from tests.support.gateways.serving import ADMIN_TOKEN, Examples, serving_examples

HERE = Path(__file__).parent / "npm"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


async def seen_by_a_browser(port: int, user: str, folder: Path) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None or BROWSER is None or not (HERE / "node_modules/playwright-core").is_dir():
        pytest.fail("no browser: run tests/e2e/run, which gets Chromium, Node.js and what npm has", pytrace=False)
    command = (node, "console.mjs", f"http://127.0.0.1:{port}", ADMIN_TOKEN, BROWSER, user, str(folder))
    process = await asyncio.create_subprocess_exec(*command, cwd=HERE, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(90):
        output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    read: dict[str, Any] = json.loads(output)
    return read


async def test_the_console_is_used_by_keyboard_and_on_a_narrow_screen(examples: Examples, tmp_path: Path) -> None:
    shots = Path(os.environ.get("GATEWAY_SCREENSHOTS", tmp_path))
    async with serving_examples(examples, tmp_path) as (gateway, _):
        call = AdminClient(gateway.admin_port)
        made: list[tuple[str, dict[str, object]]] = [
            ("users", {"id": "mallory", "name": "<b>Mallory</b>"}),
            ("users", {"id": "jane", "name": "Jane Doe", "email": "jane@example.com", "roles": ["user"]}),
            ("organizations", {"id": "acme", "name": "Acme"}),
            ("members", {"id": "m-jane", "organization": "acme", "user": "jane", "role": "admin"}),
            ("keys", {"type": "organization", "member": "m-jane", "name": "build"}),
        ]
        for noun, record in made:
            assert (await call("POST", f"/v1/{noun}", record)).status == 201
        for name, system in (("Firefox", "Linux"), ("Safari", "iOS")):
            device = {"name": name, "os_name": system}
            opened = {"user": "jane", "device": device, "ip": "192.0.2.7"}
            assert (await call("POST", "/v1/sessions", opened)).status == 201
        seen = await seen_by_a_browser(gateway.admin_port, "jane", shots)
    assert seen.get("error", "") == "", seen
    assert (seen["errors"], seen["foreign"], seen["wide"]) == ([], [], [])
    assert "script-src 'self'" in seen["csp"]
    assert (seen["sessions"], seen["asked"], seen["markup"], seen["left"]) == ([2, 2, 1], "No", 0, 0)
    assert "refused, 401" in seen["explained"]
