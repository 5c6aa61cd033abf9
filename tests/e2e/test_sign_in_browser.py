"""A real browser signs in at a real provider (npm's oidc-provider, Chromium), and out."""

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

from tests.support.gateways.serving import READERS, Examples, config, serving
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import recording_upstream

HERE = Path(__file__).parent / "npm"
SECRET = "a secret: with +%& characters"
PATIENCE = 120.0


def program(name: str, *others: str) -> str:
    found = next(filter(None, map(shutil.which, (name, *others))), None)
    if found is None or not (HERE / "node_modules").exists():
        pytest.fail(f"no {name}: run tests/e2e/run, which gets it", pytrace=False)
    return found


@contextmanager
def issuing(gateway: str) -> Iterator[str]:
    """Run the provider and yield its URL. By its pipes: what PyPI calls `node` passes no signal on."""
    command = [program("node"), HERE / "sign_in_issuer.mjs", gateway]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.strip() for line in process.stdout if line.startswith("http://"))
        process.communicate()


async def browsed(gateway: str, folder: Path) -> dict[str, Any]:
    """Return what the browser saw."""
    command = (program("node"), HERE / "sign_in_browser.mjs", gateway, program("chromium", "chromium-browser"), folder)
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    seen: dict[str, Any] = json.loads(output)
    return seen


async def test_a_person_signs_in_and_out(examples: Examples, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with issuing(url) as issuer:
        async with recording_upstream() as upstream:
            whole = config(upstream.port, examples.settings(tmp_path))
            whole["listen"]["public"] = f"127.0.0.1:{port}"
            whole["credentials"] = READERS | READER
            company = {"kind": "oidc", "issuer": issuer, "client_id": "gw", "client_secret": SECRET, "timeout": "10s"}
            limit = {"rate": "1000/s", "burst": 1000}
            providers = {"company": company | {"algorithms": ["ES256"]}}
            whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
            async with serving(whole, tmp_path) as gateway:
                seen = await browsed(url, tmp_path)
                log = gateway.log().decode()
    assert "error" not in seen, (seen, log[-3000:])
    assert (seen["login_shown"], seen["landed"]) == (True, "/echo/a?b=1")
    assert seen["cookies"] == [{"name": COOKIE, "httpOnly": True, "secure": True, "sameSite": "Lax"}]
    assert seen["tabs"] == [f"/echo/tab{place}" for place in range(6)]
    assert seen["signed_in_fetch"] == 200
    assert seen["stranger_fetch"] == [401, False, "application/json"]
    assert seen["framed"] is None
    assert seen["asked_to_sign_out_there"] is True
    assert seen["signed_out"] == "/_gateway/sign-out"
    assert seen["login_again"] is True
    first = next(request for request in upstream.requests if request.target == b"/echo/a?b=1")
    assert first.one(b"X-User-Email") == b"jane@example.com"
