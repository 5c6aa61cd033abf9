from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from gateway.commands.terminal import TerminalSize, can_overwrite, terminal_size


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w") as stream:
        yield stream
    os.close(outer)


@pytest.mark.parametrize(("name", "is_able"), [("xterm-256color", True), ("dumb", False), ("", False)])
def test_a_terminal_says_what_it_can(
    name: str, is_able: bool, terminal: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", name)
    assert can_overwrite(terminal) == is_able
    assert not can_overwrite(io.StringIO())


def test_its_size_is_what_it_is_now(terminal: TextIO) -> None:
    for lines, columns, expected in ((24, 80, (80, 24)), (10, 40, (40, 10)), (0, 0, (80, 24))):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        assert terminal_size(terminal) == TerminalSize(*expected)


def test_what_is_no_terminal_has_the_usual_size() -> None:
    assert terminal_size(io.StringIO()) == TerminalSize(80, 24)
