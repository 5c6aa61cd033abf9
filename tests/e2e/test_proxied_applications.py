"""Real applications behind real proxies: what they would do for a client that nobody stopped, and do not do here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.clients.h2c import smuggled
from tests.support.clients.raw_http import exchange
from tests.support.gateways.proxy_stand import asked_by, asked_port, raw
from tests.support.gateways.serving import Examples
from tests.support.servers.plain_applications import running_application
from tests.support.servers.proxies import KINDS, running_proxy

SERVERS = ("hypercorn", "gunicorn")


@pytest.fixture(params=KINDS)
async def ports(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[dict[str, int]]:
    """The ports of each application, and that of the proxy in front of each (`proxied hypercorn`)."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(asked_by(request.param, examples, tmp_path))
        found = {}
        for server in SERVERS:
            folder = tmp_path / server
            folder.mkdir()
            found[server] = await stack.enter_async_context(running_application(server, folder))
            ready = raw("GET", "/public/", "app.test")
            proxy = running_proxy(request.param, folder, asked_port(request.param, gateway), found[server], ready)
            found[f"proxied {server}"] = await stack.enter_async_context(proxy)
        yield found


async def test_nothing_is_smuggled_to_an_application_that_speaks_h2c(ports: dict[str, int]) -> None:
    assert await smuggled(ports["hypercorn"], "/public/x", "/admin/secret") == (101, b"/admin/secret")
    assert await smuggled(ports["proxied hypercorn"], "/public/x", "/admin/secret") == (200, b"")


async def test_no_client_moves_the_path_that_gunicorn_serves(ports: dict[str, int]) -> None:
    for name in ("SCRIPT_NAME", "Script-Name", "SCRIPT-NAME"):
        head = raw("GET", "/public/admin/secret", "app.test", f"{name}: /public", "Connection: close")
        if name == "SCRIPT_NAME":
            assert (await exchange(ports["gunicorn"], head)).body == b"/admin/secret"
        response = await exchange(ports["proxied gunicorn"], head)
        assert response.status in {400, 403} or response.body == b"/public/admin/secret", (name, response)
