from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.settings import Settings
from gateway.model.session import RevocationTarget
from gateway.wiring.process import Process
from gateway.workers.admin_ports import AdminPorts
from gateway.workers.sockets import bind_ports, port_of
from tests.support.clients.raw_http import RawResponse, conversation, exchange


def settings(token: str, **sections: object) -> Settings:
    listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "health": "127.0.0.1:0", "admin_token": token}
    return Settings.model_validate({"secret": "s", "listen": listen, **sections})


class Opened:
    """Both ports, and what they ask."""

    def __init__(self, process: Process) -> None:
        first = settings("first")
        self.ports = bind_ports(first.listen)
        self.admin, self.health = port_of(self.ports.admin), port_of(self.ports.health)
        self.is_ready = True
        self.ended: list[RevocationTarget] = []
        self.pages = AdminPorts(process, self.ports, lambda: self.is_ready, self.render, self.revoke)

    async def render(self) -> tuple[bytes, str]:
        return b"a_metric 1.0\n", "text/plain"

    async def revoke(self, ended: RevocationTarget) -> bool:
        self.ended.append(ended)
        return True


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        made = Opened(process)
        await made.pages.open(settings("first"))
        yield made
        await made.pages.close()
        made.ports.close()
        await process.close()


async def get(port: int, path: str) -> RawResponse:
    return await exchange(port, f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())


async def revoke(port: int, token: str) -> int:
    head = f"POST /revoke HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Length: 13\r\n\r\n"
    return (await exchange(port, head.encode() + b'{"user": "u"}')).status


async def test_health_and_metrics_are_at_both_ports_and_revocation_at_one(opened: Opened) -> None:
    for port in (opened.admin, opened.health):
        assert (await get(port, "/healthz")).status == 200
        assert (await get(port, "/readyz")).status == 200
        assert (await get(port, "/metrics")).body == b"a_metric 1.0\n"
    assert (await revoke(opened.admin, "first"), await revoke(opened.health, "first")) == (200, 404)
    opened.is_ready = False
    assert (await get(opened.health, "/readyz")).status == 503


async def test_another_config_changes_token_and_limits_of_the_ports_that_stay(opened: Opened) -> None:
    opened.pages.use(settings("second", limits={"headers": 8}))
    assert (await revoke(opened.admin, "first"), await revoke(opened.admin, "second")) == (403, 200)
    assert len(opened.ended) == 1
    many = "".join(f"X-{number}: 1\r\n" for number in range(9))
    assert (await exchange(opened.admin, f"GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n".encode())).status == 431


async def test_what_is_no_request_is_answered_in_our_words_and_none_of_the_caller_s(opened: Opened) -> None:
    said = await conversation(opened.admin, b"GET /spam spam HTTP/9.9\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"spam" not in said
    assert b"Server: gateway\r\n" in said
    assert b"aiohttp" not in said


async def test_in_the_end_nobody_listens(opened: Opened) -> None:
    await opened.pages.close()
    for port in (opened.admin, opened.health):
        with pytest.raises(ConnectionRefusedError):
            await get(port, "/healthz")
