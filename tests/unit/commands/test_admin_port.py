from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from gateway.commands.admin_port import AdminAnswer, ask_admin_port, is_serving
from gateway.config.settings import Settings
from gateway.model.errors import GatewayError
from gateway.source.addresses import SocketFile
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
        return web.Response(text=f"{request.host.partition(':')[0]}{request.path}", status=418)

    application = web.Application()
    application.router.add_get("/{path}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    listen = Settings.model_validate({"secret": SECRET, "listen": {"admin": await site(runner, tmp_path)}}).listen
    assert await is_serving(listen)
    metrics, host = await ask_admin_port(listen, "GET", "/metrics"), listen.admin
    own = "localhost" if isinstance(host, SocketFile) else "127.0.0.1"
    assert metrics == AdminAnswer(418, f"{own}/metrics".encode())
    await runner.cleanup()
    assert not await is_serving(listen)
    with pytest.raises(GatewayError, match=r"the admin port cannot be asked: .*(refused|No such file)"):
        await ask_admin_port(listen, "GET", "/metrics")


async def test_what_answers_no_http_serves_all_the_same() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listen = Settings.model_validate({"secret": SECRET, "listen": {"admin": f"127.0.0.1:{port}"}}).listen
    assert await is_serving(listen)
    server.close()
    await server.wait_closed()
