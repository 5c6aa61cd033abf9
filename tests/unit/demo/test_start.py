import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.repository import ROOT

pytestmark = pytest.mark.processes

PATIENCE = 30.0


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[Process]:
    """Run the demo with `folder` for its temporary files."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "demo", "--port", "0", "--admin-port", "0", *arguments),
        cwd=ROOT,
        env={**ENVIRONMENT, "TMPDIR": str(folder)},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()  # not killed: its Valkey would outlive it
            await asyncio.wait_for(process.communicate(), PATIENCE)


async def greeting(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readuntil(b"nothing behind."), PATIENCE)).decode()


async def status_of(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


async def signs_in(port: int, person: dict[str, str]) -> bool:
    """Tell whether a browser that opens the demo signs in by its form."""
    browser = CookieBrowser(port, host=f"127.0.0.1:{port}")
    form = await browser.follow(await browser.open("/echo/"))
    state = form.body.split(b'name="state" value="')[1].split(b'"')[0].decode()
    lines = ("Content-Type: application/x-www-form-urlencoded", f"Origin: http://127.0.0.1:{port}")
    body = urlencode({"state": state, **person}).encode()
    sent = await browser.open("/_gateway/sign-in/password/people", *lines, method="POST", body=body)
    return (await browser.follow(sent)).status == HTTPStatus.OK


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def children_of(process: Process) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def end_of(pid: int) -> asyncio.Future[None]:
    """Return what is done once the process has ended, whosever child it is."""
    loop = asyncio.get_running_loop()
    ended, descriptor = loop.create_future(), os.pidfd_open(pid)

    def note() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, note)
    return ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_every_credential_works_and_the_end_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    temporary, file = tmp_path / "tmp", tmp_path / "credentials.json"
    temporary.mkdir()
    async with demo(temporary, "--credentials", str(file)) as process:
        text = await greeting(process)
        credentials: dict[str, Any] = json.loads(file.read_bytes())
        url, cookie, pair = credentials["public_url"], credentials["session_cookie"], credentials["token_pair"]
        assert url in text
        assert await status_of(f"{url}/echo/", **{"X-Api-Key": credentials["api_key"]}) == 200
        assert await status_of(f"{url}/echo/", Authorization=f"Bearer {credentials['bearer']}") == 200
        assert await status_of(f"{url}/echo/", Cookie=f"{cookie['name']}={cookie['value']}") == 200
        login = {"X-User-Id": pair["user_id"], "X-Auth-Token": pair["token"]}
        assert await status_of(f"{url}/echo/", **login) == 200
        assert await status_of(f"{url}/admin/", **{"X-Api-Key": credentials["member_api_key"]}) == 403
        assert await status_of(f"{credentials['admin_url']}/readyz") == 200
        assert credentials["sign_in"]["password"] in text
        assert await signs_in(int(url.rpartition(":")[2]), credentials["sign_in"])
        embedded = children_of(process)
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, errors) == (0, b"")
    assert is_empty(temporary)
    assert len(embedded) == 1
    assert not is_alive(embedded[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_end_before_it_serves_leaves_nothing_behind_either(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path) as process, asyncio.timeout(PATIENCE):
        while not list(tmp_path.glob("gateway-demo-*/identity-keys.pem")):  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.001)
        embedded = children_of(process)
        process.send_signal(number)
        await process.communicate()
    assert is_empty(tmp_path)
    assert not any(map(is_alive, embedded))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a process that was killed")
async def test_a_demo_that_is_killed_takes_its_valkey_along(tmp_path: Path) -> None:
    async with demo(tmp_path) as process:
        await greeting(process)
        (embedded,) = children_of(process)
        ended = end_of(embedded)
        process.kill()
        await process.communicate()
        await asyncio.wait_for(ended, PATIENCE)


async def test_a_taken_port_is_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with demo(temporary, "--port", str(port)) as process:
            output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, output) == (1, b"")
    assert (
        errors.decode() == f"gateway: cannot listen at 127.0.0.1:{port}: Address already in use; "
        "take another port by --port or --admin-port (0 is any that is free)\n"
    )
    assert is_empty(temporary)
