from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.load import ConfigText, LoadedConfig
from gateway.config.settings import Settings
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.wiring.process import Process
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.single_process import SingleProcess
from gateway.workers.sockets import bind_ports, port_of
from gateway.workers.worker import Worker
from tests.support.clients.raw_http import exchange


def loaded(**listen: object) -> LoadedConfig:
    settings = {"secret": "s", "listen": {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", **listen}}
    return LoadedConfig(ConfigText("gateway.yaml", ""), Settings.model_validate(settings))


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    with (tmp_path / "log").open("wb") as output:
        made = Process(output)
        yield made
        await made.close()


async def test_one_process_is_a_crew_of_one_whatever_a_later_config_says(process: Process, tmp_path: Path) -> None:
    ports = bind_ports(loaded().settings.listen)
    number = port_of(ports.public)
    crew = SingleProcess(process, Worker(process, ports.public), RecentRevocations(process.clock, 60.0))
    assert (crew.serving(), crew.wanted()) == (0, 1)
    await crew.change(loaded())
    await crew.change(loaded(workers=4))
    assert (crew.serving(), crew.wanted()) == (1, 1)
    assert (await exchange(number, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")).status == 404
    assert await crew.revoke(RevocationTarget(RevocationKind.USER, "u"))
    (own,) = await crew.collect()
    assert {"gateway_requests", "gateway_revocations"} <= {family.name for family in own}
    await crew.renew()
    assert b"workers_not_renewed" in (tmp_path / "log").read_bytes()
    await crew.drain(0.2)
    assert crew.serving() == 0
    with pytest.raises(ConnectionRefusedError):
        await exchange(number, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    ports.close()
