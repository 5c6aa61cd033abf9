from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.health import Health
from gateway.config.settings import Settings
from gateway.model.session import RevocationTarget
from gateway.source.addresses import ListenAddress
from gateway.telemetry.exposition import Snapshot
from gateway.wiring.process import Process
from gateway.workers.admin_ports import AdminPorts
from gateway.workers.control import RecordedRevocation
from gateway.workers.sockets import bind_ports, port_of
from tests.support.clients.raw_http import RawResponse, conversation, exchange


def settings(token: str, **sections: object) -> Settings:
    listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "health": "127.0.0.1:0", "admin_token": token}
    return Settings.model_validate({"secret": "s", "listen": listen, **sections})


class Opened:
    """Both ports, and what they call."""

    def __init__(self, process: Process) -> None:
        first = settings("first")
        self.ports = bind_ports(first.listen)
        self.admin, self.health = port_of(self.ports.admin), port_of(self.ports.health)
        self.is_ready = True
        self.revoked: list[RevocationTarget] = []
        fleet = FleetHooks(self.revoke, self.revoke, self.recorded, self.collect)
        self.it = AdminPorts(process, self.ports, Health(lambda: True, lambda: self.is_ready), self.render, fleet)

    async def render(self) -> tuple[bytes, str]:
        return b"a_metric 1.0\n", "text/plain"

    async def recorded(self) -> tuple[RecordedRevocation, ...]:
        return ()

    async def collect(self) -> Snapshot:
        return ()

    async def revoke(self, target: RevocationTarget) -> bool:
        self.revoked.append(target)
        return True


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        made = Opened(process)
        await made.it.open(settings("first"))
        yield made
        await made.it.close()
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
    await opened.it.apply(settings("second", limits={"headers": 8}))
    assert (await revoke(opened.admin, "first"), await revoke(opened.admin, "second")) == (403, 200)
    assert len(opened.revoked) == 1
    many = "".join(f"X-{number}: 1\r\n" for number in range(9))
    assert (await exchange(opened.admin, f"GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n".encode())).status == 431


async def test_the_host_of_a_request_to_either_port_is_looked_at(opened: Opened) -> None:
    async def statuses() -> list[int]:
        raw = b"GET /healthz HTTP/1.1\r\nHost: gateway.example.com\r\n\r\n"
        return [(await exchange(port, raw)).status for port in (opened.admin, opened.health)]

    assert await statuses() == [421, 421]
    named = settings("first")
    listen = named.listen.model_copy(update={"admin_hosts": ("gateway.example.com",)})
    await opened.it.apply(named.model_copy(update={"listen": listen}))
    assert await statuses() == [200, 200]
    by_name = {"admin": ListenAddress("Gateway.example.com", 9090), "health": None}
    await opened.it.apply(named.model_copy(update={"listen": named.listen.model_copy(update=by_name)}))
    assert await statuses() == [200, 200]


async def test_a_malformed_request_is_answered_without_a_byte_of_it(opened: Opened) -> None:
    answer = await conversation(opened.admin, b"GET /spam spam HTTP/9.9\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"spam" not in answer
    assert b"Server: gateway\r\n" in answer
    assert b"aiohttp" not in answer


async def test_closed_ports_listen_no_more(opened: Opened) -> None:
    await opened.it.close()
    for port in (opened.admin, opened.health):
        with pytest.raises(ConnectionRefusedError):
            await get(port, "/healthz")
