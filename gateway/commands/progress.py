"""What a long command has done so far, on one line of a terminal; nothing where standard error is none."""

from __future__ import annotations

from typing import TextIO

_EVERY = 500
"""Records between two counts: a terminal needs no more."""


class Progress:
    """Writes over one line of `stream`; `clear` takes it away again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._count = 0

    def count(self, what: str) -> None:
        """Note that one more was done."""
        self._count += 1
        if self._count % _EVERY == 0:
            self.say(f"{self._count} {what}")

    def say(self, text: str) -> None:
        """Write `text` in place of the last one."""
        if self._is_shown:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        self.say("")
