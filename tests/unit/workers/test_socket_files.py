from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from gateway.workers.socket_files import bind_file


def left_behind(path: Path) -> None:
    """Leave a socket file as a process does that was killed."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_file_has_its_mode_whatever_the_process_masks(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        bound, file = bind_file(str(tmp_path / "s"), mode)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    with bound:
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == mode
    file.remove()
    assert not (tmp_path / "s").exists()
    file.remove()  # twice is once


def test_a_file_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    left_behind(path)
    bound, _ = bind_file(str(path), 0o660)
    with bound, socket.socket(socket.AF_UNIX) as client:
        bound.listen()
        client.connect(str(path))


@pytest.mark.parametrize("backlog", [1, 0])
def test_what_another_process_listens_at_is_left_alone(tmp_path: Path, backlog: int) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as waiting:
        other.bind(path)
        other.listen(backlog)
        if not backlog:  # its queue is full, and the answer to another connection is to wait
            waiting.connect(path)
        with pytest.raises(OSError, match="another process listens there"):
            bind_file(path, 0o660)
        assert os.path.lexists(path)


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data", encoding="utf-8")
    left_behind(tmp_path / "dead")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "to-a-socket").symlink_to("dead")
    (tmp_path / "nowhere").symlink_to("absent")
    (tmp_path / "folder").mkdir()
    for name in ("precious", "link", "to-a-socket", "nowhere", "folder"):
        with pytest.raises(FileExistsError, match="no socket"):
            bind_file(str(tmp_path / name), 0o660)
    assert precious.read_text(encoding="utf-8") == "data"
    assert not (tmp_path / "absent").exists()


def test_a_file_that_took_the_place_of_ours_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bound, ours = bind_file(str(path), 0o660)
    bound.close()
    successor, theirs = bind_file(str(path), 0o660)
    ours.remove()
    assert path.exists()
    successor.close()
    theirs.remove()
    assert not path.exists()


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bind_file(str(tmp_path / "absent" / "s"), 0o660)
