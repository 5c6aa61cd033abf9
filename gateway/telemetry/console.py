"""How lines look to a person at a terminal."""

from __future__ import annotations

import re

from gateway.telemetry.access_line import AccessLine
from gateway.telemetry.outcome import Outcome

# Bytes of a request end up on somebody's terminal: an escape sequence in a path would move the cursor, or worse.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_COLOURS = {Outcome.ALLOWED: "\x1b[32m", Outcome.REFUSED: "\x1b[33m", Outcome.ERROR: "\x1b[31m"}
_PLAIN = "\x1b[0m"
_TIME = slice(11, 23)  # the time of day in 2026-01-31T12:00:00.250Z


class ConsoleLines:
    """Writes access lines as `12:00:00.250 GET 200 /orders/1 allowed orders api_key user_1 memory 3.2ms`.

    `colour` is for a terminal only.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, line: AccessLine) -> bytes:
        """Return one line with its newline."""
        who = (line.credential, line.subject, line.tier)
        why = (line.reason, line.rejected, line.rule if line.reason else "", line.fault)
        words = (
            line.method or "-",
            str(line.status),
            line.path or "-",
            self._outcome(line),
            line.route or line.endpoint,
        )
        text = " ".join(_visible(word) for word in (*words, *who, *why) if word)
        return f"{line.time[_TIME]} {self._paint(text, line)} {line.total_ms:.1f}ms\n".encode()

    def _outcome(self, line: AccessLine) -> str:
        return f"{line.decision}, stale" if line.stale else line.decision

    def _paint(self, text: str, line: AccessLine) -> str:
        return f"{_COLOURS[line.decision]}{text}{_PLAIN}" if self._colour else text


def _visible(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
