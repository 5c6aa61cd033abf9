"""What a long command has done so far, on one line of a terminal; nothing where standard error is none."""

from __future__ import annotations

from typing import TextIO

from gateway.commands.terminal import can_overwrite, terminal_size

_EVERY = 500
"""Records between two counts: a terminal needs no more."""


class Progress:
    """Writes over one line of `stream`; `clear` takes it away again.

    Nothing is written where `output` is a terminal as well: its lines would stand among the command's own.
    """

    def __init__(self, stream: TextIO, output: TextIO | None = None) -> None:
        self._stream = stream
        self._is_shown = can_overwrite(stream) and not (output is not None and output.isatty())
        self._count = 0

    def count(self, what: str) -> None:
        """Note that one more was done."""
        self._count += 1
        if self._count % _EVERY == 0:
            self.say(f"{self._count} {what}")

    def say(self, text: str) -> None:
        """Write `text` in place of the last one, as much of it as one line takes."""
        if self._is_shown:
            plain = "".join(each if each.isprintable() else "?" for each in text)
            self._stream.write(f"\r\x1b[K{plain[: terminal_size(self._stream).columns - 1]}")
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        self.say("")
