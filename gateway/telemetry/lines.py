"""One buffered stream of log lines: access, audit and program lines leave in the order they were made."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock
from typing import IO

Write = Callable[[bytes], object]

_BUFFER_BYTES = 64 * 1024
"""Bytes that are buffered before a write: the capacity of a Linux pipe, so that one write takes them all."""


def write_to(stream: IO[bytes]) -> Write:
    """Return a function that writes whole lines to an open file, pipe or terminal, past the stream's own buffer.

    That buffer would retain what could not be written, and fail the process with it at exit. Other processes may write
    to the same stream, and this one may end while its reader has stopped: a pipe takes at most PIPE_BUF bytes at once
    or none (pipe(7)), so lines are written in portions of that size. A single line that is longer may still be torn.
    """
    stream.flush()
    descriptor = stream.fileno()
    # A terminal that another program made non-blocking would take half a line and refuse the rest.
    os.set_blocking(descriptor, True)

    def write(data: bytes) -> None:
        start = 0
        while len(data) - start > select.PIPE_BUF:
            end = data.rfind(b"\n", start, start + select.PIPE_BUF) + 1 or data.find(b"\n", start) + 1 or len(data)
            _write_all(descriptor, data[start:end])
            start = end
        _write_all(descriptor, data[start:])

    return write


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class LineBuffer:
    """Buffers lines, so that a busy second costs a few writes and not thousands.

    Lines that must not wait are written at once (`write_now`), after those before them. A stream that cannot be written
    to (a closed pipe, a full disk) never fails a request: the lines are counted in `lost`, and the next ones are tried
    again. Libraries log from their own threads, so every method may be called from any thread; the lock is reentrant
    because a finalizer may log while it is taken. `finish` waits for a writer that writes later.
    """

    def __init__(
        self, write: Write, buffer_bytes: int = _BUFFER_BYTES, finish: Callable[[], object] = lambda: None
    ) -> None:
        self._write = write
        self._finish = finish
        self._buffer_bytes = buffer_bytes
        self._lines: list[bytes] = []
        self._size = 0
        self._lock = RLock()
        self.lost = 0

    def append(self, line: bytes) -> bool:
        """Buffer a line (with its newline); tell whether it is the first, so that a flush is due."""
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size < self._buffer_bytes:
                return len(self._lines) == 1
        self.flush()
        return False

    def write_now(self, line: bytes) -> None:
        """Write a line (with its newline) now."""
        with self._lock:
            self._lines.append(line)
            self.flush()

    def flush(self) -> None:
        """Write the buffered lines, if there are any. Called by the loop's timer."""
        with self._lock:
            lines, self._lines, self._size = self._lines, [], 0
            if not lines:
                return
            try:
                self._write(b"".join(lines))
            except OSError:
                self.lost += len(lines)

    def close(self) -> None:
        """Write the last lines, and wait until they are written. Called at exit; lines may follow all the same."""
        self.flush()
        self._finish()


class Timestamps:
    """The present instant as RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.250Z`.

    The part up to the second is formatted once a second, because a busy process writes thousands of lines in each.
    `clock` is in epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = -1
        self._prefix = ""

    def __call__(self) -> str:
        """Return the timestamp of now."""
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{int((now - second) * 1000):03d}Z"
