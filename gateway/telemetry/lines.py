"""One buffered stream of log lines: access, audit and program lines leave in the order they were made."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from threading import RLock
from typing import IO

Write = Callable[[bytes], object]

_HELD = 64 * 1024
"""Bytes that are held back before a write: the capacity of a Linux pipe, so that one write takes it all."""


def write_to(stream: IO[bytes]) -> Write:
    """Return a function that writes bytes to an open file, pipe or terminal: all of them, past the stream's buffer.

    That buffer would keep what could not be written, and fail the process with it at exit.
    """
    stream.flush()
    descriptor = stream.fileno()
    # A terminal that another program made non-blocking would take half a line and refuse the rest.
    os.set_blocking(descriptor, True)

    def write(data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]

    return write


def write_shared(stream: IO[bytes]) -> Write:
    """Return what `write_to` does, for a stream that several processes write to: no line ends up inside of another.

    A pipe takes at most PIPE_BUF bytes as one (pipe(7)), so lines go out in portions of that size. A single line that
    is longer may still be torn.
    """
    write = write_to(stream)

    def write_portions(data: bytes) -> None:
        start = 0
        while len(data) - start > select.PIPE_BUF:
            end = data.rfind(b"\n", start, start + select.PIPE_BUF) + 1 or data.find(b"\n", start) + 1 or len(data)
            write(data[start:end])
            start = end
        write(data[start:])

    return write_portions


class LineBuffer:
    """Holds lines back, so that a busy second costs a few writes and not thousands.

    Lines that must not be lost with the process (`put`) are written at once, after those that were held before them.
    A reader of the logs that has gone (a closed pipe, a full disk) never fails a request: its lines are counted in
    `lost`, and the next ones are tried again. Libraries log from threads of their own, so every method may be called
    from any; the lock is reentrant because a finalizer may log while it is held.
    """

    def __init__(self, write: Write, held_bytes: int = _HELD) -> None:
        self._write = write
        self._held_bytes = held_bytes
        self._lines: list[bytes] = []
        self._size = 0
        self._lock = RLock()
        self.lost = 0

    def hold(self, line: bytes) -> bool:
        """Keep a line (with its newline) for the next flush; tell whether it is the first, so that one is due."""
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size < self._held_bytes:
                return len(self._lines) == 1
        self.flush()
        return False

    def put(self, line: bytes) -> None:
        """Write a line (with its newline) now."""
        with self._lock:
            self._lines.append(line)
            self.flush()

    def flush(self) -> None:
        """Write what is held; harmless when there is nothing. Called by the loop's timer and at exit."""
        with self._lock:
            lines, self._lines, self._size = self._lines, [], 0
            if not lines:
                return
            try:
                self._write(b"".join(lines))
            except OSError:
                self.lost += len(lines)
