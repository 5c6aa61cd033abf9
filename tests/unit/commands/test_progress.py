import io

from gateway.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_how_far_it_is() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    for _ in range(1200):
        progress.count("records")
    progress.clear()
    assert terminal.getvalue().split("\r\x1b[K") == ["", "500 records", "1000 records", ""]


def test_a_log_is_told_nothing() -> None:
    log = io.StringIO()
    progress = Progress(log)
    progress.say("loading")
    progress.clear()
    assert log.getvalue() == ""
