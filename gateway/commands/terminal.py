"""A stream that may be a terminal: whether text can be written over there, and how much of it there is room for."""

from __future__ import annotations

import os
from typing import TextIO

import msgspec

_UNABLE = frozenset({"", "dumb"})
"""Values of `TERM` of what shows control sequences as signs (terminfo's `dumb`; a log of an editor or a CI)."""


class TerminalSize(msgspec.Struct, frozen=True):
    """Room for text, in characters and lines."""

    columns: int = 80
    lines: int = 24


def can_overwrite(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that moves its cursor when it is told to."""
    return stream.isatty() and os.environ.get("TERM", "") not in _UNABLE


def terminal_size(stream: TextIO) -> TerminalSize:
    """Return the room that a terminal has now, 80 by 24 where it does not say."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # ValueError: a stream without a file
        return TerminalSize()
    usual = TerminalSize()
    return TerminalSize(size.columns or usual.columns, size.lines or usual.lines)
