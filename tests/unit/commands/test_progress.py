from __future__ import annotations

import io

import pytest

from gateway.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_is_told_how_far_it_is() -> None:
    terminal = Terminal()
    progress = Progress(terminal, io.StringIO())
    for _ in range(1200):
        progress.count("records")
    progress.clear()
    assert terminal.getvalue().split("\r\x1b[K") == ["", "500 records", "1000 records", ""]


def test_it_stays_on_one_line() -> None:
    terminal = Terminal()
    Progress(terminal).say("reading " + "x" * 200 + "\n\x1b[2J")
    assert terminal.getvalue() == "\r\x1b[Kreading " + "x" * 71


def test_a_log_is_told_nothing() -> None:
    log = io.StringIO()
    progress = Progress(log)
    progress.say("loading")
    progress.clear()
    assert log.getvalue() == ""


def test_nothing_stands_among_the_output_or_where_a_line_cannot_be_written_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    Progress(terminal, Terminal()).say("500 records")
    monkeypatch.setenv("TERM", "dumb")
    Progress(terminal).say("500 records")
    assert terminal.getvalue() == ""
