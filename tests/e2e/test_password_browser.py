"""Where the form leads to in a real Chromium: it holds every redirect of a form's answer to `form-action`."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.clients.admin_client import AdminClient
from tests.support.gateways.serving import READERS, Examples, config, serving
from tests.support.gateways.signing_in import READER
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

NPM = Path(__file__).parent / "npm"
PATIENCE = 60.0


async def browsed(*arguments: str) -> list[str]:
    """Return where the browser came to."""
    node, chromium = shutil.which("node"), shutil.which("chromium") or shutil.which("chromium-browser")
    if node is None or chromium is None or not (NPM / "node_modules/playwright-core").is_dir():
        pytest.fail("no browser: run tests/e2e/run, which gets Chromium, Node.js and what npm has", pytrace=False)
    command = (node, NPM / "password_browser.mjs", chromium, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    assert process.returncode == 0
    landed: list[str] = json.loads(output)
    return landed


async def test_the_form_leads_to_another_origin_and_to_pages_that_lead_on(examples: Examples, tmp_path: Path) -> None:
    port = free_port()
    own, other = f"http://127.0.0.1:{port}", f"http://localhost:{port}"

    async def application(side: UpstreamSide) -> None:
        while (request := await side.request()) is not None:
            leads_on = f"HTTP/1.1 302 Found\r\nLocation: {other}/public/end\r\nContent-Length: 0\r\n\r\n".encode()
            await side.send(leads_on if request.target == b"/echo/on" else side.upstream.answer)

    async with recording_upstream(application) as upstream:
        whole = config(upstream.port, examples.settings(tmp_path))
        whole["listen"]["public"] = f"127.0.0.1:{port}"
        whole["credentials"] = READERS | READER
        people = {"kind": "password"}
        whole["sign_in"] = {"reader": "signed_in", "return_to": [other], "providers": {"people": people}}
        async with serving(whole, tmp_path) as gateway:
            call = AdminClient(gateway.admin_port)
            assert (await call("POST", "/v1/users", {"id": "joe-1", "username": "joe"})).status == 201
            assert (await call("PUT", "/v1/users/joe-1/password", {"password": "correct horse"})).status == 204
            asks = f"{own}/_gateway/sign-in?return_to="
            pages = (f"{own}/echo/a", f"{asks}{quote(f'{other}/public/a', safe='')}", f"{own}/echo/on")
            landed = await browsed("joe", "correct horse", *pages)
    assert landed == [f"{own}/echo/a", f"{other}/public/a", f"{other}/public/end"]
