import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.workers.systemd import Notifier, passed_sockets
from tests.support.clients.raw_http import PATIENCE
from tests.support.servers.systemd import Manager, manager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Manager]:
    with manager(tmp_path) as listening:
        yield listening


async def test_each_state_is_one_message(systemd: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.address})
    notifier.ready()
    assert await systemd.received() == "READY=1"
    notifier.reloading()
    state, since = (await systemd.received()).split("\n")
    assert state == "RELOADING=1"
    assert int(since.removeprefix("MONOTONIC_USEC=")) > 0
    notifier.stopping()
    assert await systemd.received() == "STOPPING=1"


def test_an_abstract_socket_is_spelled_with_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses an abstract name (unix(7), autobind)
        listening.settimeout(PATIENCE)
        Notifier({"NOTIFY_SOCKET": "@" + listening.getsockname()[1:].decode()}).ready()
        assert listening.recv(100) == b"READY=1"


def test_without_systemd_and_without_anybody_at_the_socket_nothing_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Notifier({}).ready()
    assert capsys.readouterr().out == ""
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    assert "systemd_notify_failed" in capsys.readouterr().out


async def test_with_a_watchdog_it_notifies_again_and_again(systemd: Manager) -> None:
    watched = {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    notifying = asyncio.gather(Notifier({"NOTIFY_SOCKET": systemd.address, **watched}).keep_alive())
    assert [await systemd.received() for _ in range(3)] == ["WATCHDOG=1"] * 3
    notifying.cancel()


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}],
)
async def test_without_a_watchdog_it_notifies_nothing(systemd: Manager, environment: dict[str, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.address, **environment})
    await asyncio.wait_for(notifier.keep_alive(), PATIENCE)
    notifier.stopping()
    assert await systemd.received() == "STOPPING=1"


def test_sockets_are_those_that_systemd_hands_this_very_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first = fcntl.fcntl(one, fcntl.F_DUPFD, 500)  # where nothing stands in between
        assert fcntl.fcntl(two, fcntl.F_DUPFD, first) == first + 1
        monkeypatch.setattr("gateway.workers.systemd._FIRST_PASSED", first)
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:public"}
        (found,) = passed_sockets(environment, "public")
        with found:
            assert found.getsockname() == two.getsockname()
            assert not found.get_inheritable()
        for wrong in ({"LISTEN_PID": "1"}, {"LISTEN_FDS": "x"}, {"LISTEN_FDNAMES": "other"}, {"LISTEN_FDS": ""}):
            with pytest.raises(FileNotFoundError, match="no socket of that name"):
                passed_sockets(environment | wrong, "public")
        os.close(first)
