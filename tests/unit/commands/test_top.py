from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from gateway.commands.top import top
from gateway.model.errors import GatewayError
from tests.support.builders.configs import LEAST, written

METRICS = "# TYPE gateway_requests_in_flight gauge\ngateway_requests_in_flight {}\n"


class AdminPort:
    """Answers `/metrics`, and counts how often; with 503 while it is `ill`."""

    def __init__(self) -> None:
        self.asked = 0
        self.ill = False
        self._more = asyncio.Condition()

    async def answer(self, _request: web.Request) -> web.Response:
        async with self._more:
            self.asked += 1
            self._more.notify_all()
        return web.Response(text=METRICS.format(self.asked), status=503 if self.ill else 200)

    async def asked_again(self) -> None:
        """Wait for two more questions: what the first was answered is shown before the second."""
        until = self.asked + 3
        async with self._more:
            await self._more.wait_for(lambda: self.asked >= until)


@pytest.fixture
async def admin_port(tmp_path: Path) -> AsyncIterator[tuple[AdminPort, Path]]:
    port = AdminPort()
    application = web.Application()
    application.router.add_get("/metrics", port.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "admin.sock")).start()
    yield port, written(tmp_path, LEAST + f"listen: {{admin: 'unix:{tmp_path}/admin.sock'}}\n")
    await runner.cleanup()


async def test_one_interval_is_shown(admin_port: tuple[AdminPort, Path]) -> None:
    port, path = admin_port
    shown = await top(path, 0.01, once=True)
    assert "in flight 2" in shown.output
    assert port.asked == 2


async def test_it_shows_one_after_the_other_and_waits_for_a_gateway_that_is_away(
    admin_port: tuple[AdminPort, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    port, path = admin_port
    showing = asyncio.create_task(top(path, 0.01))  # noqa: TID251 - held here, and awaited
    for ill in (False, True, False):
        port.ill = ill
        await port.asked_again()
        shown = capsys.readouterr().out
        assert ("the admin port cannot be asked: 503" in shown) >= ill
        assert ("in flight" in shown) >= (not ill)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing


async def test_a_gateway_that_was_never_there_is_an_error(tmp_path: Path, unused_tcp_port: int) -> None:
    path = written(tmp_path, LEAST + f"listen: {{admin: '127.0.0.1:{unused_tcp_port}'}}\n")
    with pytest.raises(GatewayError, match="the admin port cannot be asked"):
        await top(path, 0.01)
