from pathlib import Path

import pytest

from gateway.config.load import ConfigText, LoadedConfig
from gateway.config.settings import Settings
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.wiring.process import Process
from gateway.workers.control import RecordedRevocation
from gateway.workers.sockets import bind_ports, port_of
from gateway.workers.worker import Worker
from gateway.workers.worker_group import RecentRevocations, SingleProcess
from tests.support.clients.raw_http import exchange

ONE, TWO = RevocationTarget(RevocationKind.USER, "one"), RevocationTarget(RevocationKind.SESSION, "two")


def loaded(**listen: object) -> LoadedConfig:
    settings = {"secret": "s", "listen": {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", **listen}}
    return LoadedConfig(ConfigText("gateway.yaml", ""), Settings.model_validate(settings))


async def test_one_process_is_a_group_of_one_whatever_a_later_config_wants(process: Process, tmp_path: Path) -> None:
    ports = bind_ports(loaded().settings.listen)
    number = port_of(ports.public)
    group = SingleProcess(process, Worker(process, ports.public), RecentRevocations(process.clock, 60.0))
    assert (group.serving(), group.wanted()) == (0, 1)
    await group.apply(loaded())
    await group.apply(loaded(workers=4))
    assert (group.serving(), group.wanted()) == (1, 1)
    assert (await exchange(number, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")).status == 404
    assert await group.revoke(RevocationTarget(RevocationKind.USER, "u"))
    (own,) = await group.collect()
    assert {"gateway_requests", "gateway_revocations"} <= {family.name for family in own}
    await group.renew()
    process.lines.close()
    assert b"workers_not_renewed" in (tmp_path / "log").read_bytes()
    await group.drain(0.2)
    assert group.serving() == 0
    with pytest.raises(ConnectionRefusedError):
        await exchange(number, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    ports.close()


def test_revocations_are_remembered_with_their_time_for_the_ttl() -> None:
    now = [100.0]
    revocations = RecentRevocations(lambda: now[0], 60.0)
    revocations.record(ONE)
    now[0] = 130.0
    revocations.record(TWO)
    assert revocations.recent() == (RecordedRevocation(ONE, 100.0), RecordedRevocation(TWO, 130.0))
    now[0] = 161.0
    assert revocations.recent() == (RecordedRevocation(TWO, 130.0),)
    revocations.ttl = 10.0
    assert revocations.recent() == ()


def test_the_newest_revocations_stay_within_a_bound() -> None:
    revocations = RecentRevocations(lambda: 0.0, 60.0)
    for number in range(10_001):
        revocations.record(RevocationTarget(RevocationKind.USER, str(number)))
    recent = revocations.recent()
    assert (len(recent), recent[0].target.id, recent[-1].target.id) == (10_000, "1", "10000")
