"""Without Redis a sign-out reaches every worker of the gateway at once, and the tunnels that they hold."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.proxy_stand import HANDSHAKE, app
from tests.support.gateways.running import Running, running
from tests.support.gateways.serving import READERS, Examples, config
from tests.support.gateways.signed_in import WACHT_USER, sign_in
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.recording_upstream import recording_upstream

SIGN_OUT = "/_gateway/sign-out"
OURS = "Origin: http://app.test"


async def accepting(gateway: Running, worker: int) -> None:
    """Let one worker alone accept what comes next."""
    for pid in gateway.workers():
        os.kill(pid, signal.SIGCONT if pid == worker else signal.SIGSTOP)


async def test_without_redis_a_sign_out_reaches_every_worker_and_its_tunnels(
    examples: Examples, tmp_path: Path
) -> None:
    accounts = examples.settings(tmp_path)
    async with recording_upstream(app) as upstream, contextlib.AsyncExitStack() as stack:
        settings = config(upstream.port, accounts)
        settings["listen"] |= {"workers": 2, "watch": "0s"}
        settings["credentials"] = READERS | READER
        settings["sign_in"] = {"reader": "signed_in", "providers": {"people": {"kind": "password"}}}
        (tmp_path / "gateway.yaml").write_text(json.dumps(settings), encoding="utf-8")
        gateway = await stack.enter_async_context(running(tmp_path / "gateway.yaml"))
        port = int(gateway.port)
        issued = await sign_in(accounts, WACHT_USER, credentials=("cookie",))
        browser = CookieBrowser(port, cookies={COOKIE: issued.cookie or ""})
        cookie = f"Cookie: {COOKIE}={issued.cookie}"
        lines = ("GET /echo/ws HTTP/1.1", "Host: app.test", OURS, cookie, *HANDSHAKE)
        handshake = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        tunnels, workers = [], gateway.workers()
        for worker in workers:
            await accepting(gateway, worker)
            tunnels.append(await stack.enter_async_context(raw_client(port)))
            await tunnels[-1].send(handshake)
            assert (await tunnels[-1].head()).status == 101
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
        assert (await browser.open(SIGN_OUT, OURS, method="POST")).status == 200
        browser.cookies = {COOKIE: issued.cookie or ""}
        for tunnel in tunnels:
            assert (await tunnel.read(4))[2:] == (1008).to_bytes(2, "big")
        for worker in workers:
            await accepting(gateway, worker)
            assert (await browser.open("/echo/")).status == 302
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
