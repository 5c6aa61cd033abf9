import asyncio
import signal
import socket
from pathlib import Path

import pytest

from tests.support.clients.commands import gateway
from tests.support.clients.raw_http import PATIENCE, raw_client
from tests.support.gateways.running import running, written
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream
from tests.support.servers.systemd import manager

pytestmark = pytest.mark.processes


async def never(side: UpstreamSide) -> None:
    """Never answer."""
    await side.request()
    side.upstream.arrived.set()
    await side.closed()


@pytest.mark.parametrize("workers", [1, 2])
async def test_systemd_is_notified_of_each_state(tmp_path: Path, workers: int) -> None:
    config = written(tmp_path, 9, listen=f", workers: {workers}")
    with manager(tmp_path) as systemd:
        async with running(config, {"NOTIFY_SOCKET": systemd.address}) as it:
            assert await systemd.next_state() == "READY=1"
            it.process.send_signal(signal.SIGHUP)
            assert [await systemd.next_state(), await systemd.next_state()] == ["RELOADING=1", "READY=1"]
            assert await it.stop() == 0
            assert await systemd.next_state() == "STOPPING=1"


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_watchdog_is_notified_until_the_very_end(tmp_path: Path, workers: int) -> None:
    async with recording_upstream(never) as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        with manager(tmp_path) as systemd:
            watched = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "200000"}
            async with running(config, watched) as it, raw_client(it.port) as client:
                assert [await systemd.next_state() for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
                await client.send(b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")
                await asyncio.wait_for(upstream.arrived.wait(), PATIENCE)
                it.process.send_signal(signal.SIGTERM)
                while await systemd.next_state() != "STOPPING=1":
                    pass
                assert await systemd.next_state() == "WATCHDOG=1"  # a request is still in flight
                assert await it.stop() == 0  # a second signal waits for nobody


@pytest.mark.parametrize("workers", [1, 2])
def test_a_taken_port_is_one_clear_line(tmp_path: Path, workers: int) -> None:
    config = written(tmp_path, 9, listen=f", workers: {workers}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        config.write_text(config.read_text().replace('public: "127.0.0.1:0"', f'public: "127.0.0.1:{number}"'))
        ended = gateway("serve", "-c", config)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"gateway: cannot listen at 127.0.0.1:{number}: Address already in use\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_that_cannot_be_opened_is_one_clear_line(tmp_path: Path, workers: int) -> None:
    accounts = (
        f"authorities: {{accounts: {{kind: directory, url: 'sqlite:///{tmp_path}/none.db', pepper: {'p' * 32}}}}}\n"
    )
    ended = gateway("serve", "-c", written(tmp_path, 9, listen=f", workers: {workers}", more=accounts))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("gateway: ")
    assert "gateway directory migrate" in ended.stderr


async def test_without_a_config_that_can_be_loaded_nothing_is_bound(tmp_path: Path) -> None:
    ended = await asyncio.to_thread(gateway, "serve", "-c", tmp_path / "absent.yaml")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"{tmp_path / 'absent.yaml'}: cannot be read: No such file or directory\n"
