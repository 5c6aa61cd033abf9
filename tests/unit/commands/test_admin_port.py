from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from gateway.commands.admin_port import admin_client
from gateway.config.settings import Settings
from tests.support.builders.configs import SECRET

Site = Callable[[web.AppRunner, Path], Awaitable[str]]


async def at_a_socket_file(runner: web.AppRunner, folder: Path) -> str:
    await web.UnixSite(runner, str(folder / "admin.sock")).start()
    return f"unix:{folder}/admin.sock"


async def at_every_address(runner: web.AppRunner, _folder: Path) -> str:
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"0.0.0.0:{runner.addresses[0][1]}"


@pytest.mark.parametrize("site", [at_a_socket_file, at_every_address])
async def test_the_admin_port_is_asked_where_the_config_says(site: Site, tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    application = web.Application()
    application.router.add_get("/{path}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    listen = Settings.model_validate({"secret": SECRET, "listen": {"admin": await site(runner, tmp_path)}}).listen
    async with admin_client(listen) as client, client.get("/metrics") as response:
        assert await response.text() == "/metrics"
    await runner.cleanup()
