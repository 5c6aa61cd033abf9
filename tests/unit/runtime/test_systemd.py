import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.runtime.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5.0)
        yield listening


def test_each_state_is_one_message(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready()
    assert manager.recv(100) == b"READY=1"
    notifier.reloading()
    state, since = manager.recv(100).split(b"\n")
    assert state == b"RELOADING=1"
    assert int(since.removeprefix(b"MONOTONIC_USEC=")) > 0
    notifier.stopping()
    assert manager.recv(100) == b"STOPPING=1"


def test_an_abstract_socket_is_spelled_with_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses an abstract name (unix(7), autobind)
        listening.settimeout(5.0)
        Notifier({"NOTIFY_SOCKET": "@" + listening.getsockname()[1:].decode()}).ready()
        assert listening.recv(100) == b"READY=1"


def test_without_systemd_and_without_anybody_at_the_socket_nothing_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Notifier({}).ready()
    assert capsys.readouterr().out == ""
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    assert "systemd could not be told" in capsys.readouterr().out
