"""The thread that writes log lines, so that a reader that has stopped reading stops nobody else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread, current_thread

from gateway.telemetry.lines import Write

LOG_BYTES = 4 * 1024 * 1024
"""Bytes that may wait for the log's reader by default: some 10,000 access lines, seconds of a busy process."""

_LAST_SECONDS = 2.0
"""For which `finish` waits: a process that was told to end does not wait for ever for whoever reads its log."""


class LogWriter:
    """Writes pieces of whole lines, in their order and as fast as the reader takes them; `put` never waits for that.

    At most `most` bytes wait, and a further piece is refused. `lost` are the lines that the reader's end refused.
    `resumed` is called in the thread once a piece is written after some were not, with how many lines were not. The
    thread begins with the first piece: a process that forks before it logs has none.
    """

    def __init__(self, write: Write, resumed: Callable[[int], None], most: int = LOG_BYTES) -> None:
        self._write = write
        self._resumed = resumed
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._missing = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self.most = most
        self.lost = 0

    def put(self, data: bytes) -> None:
        """Let `data` be written; raises BlockingIOError where too much waits already."""
        with self._changed:
            if self._waiting and self._waiting + len(data) > self.most:
                self._missing += data.count(b"\n")
                raise BlockingIOError("whoever reads the log has stopped")
            self._pieces.append(data)
            self._waiting += len(data)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="log writer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self, seconds: float = _LAST_SECONDS) -> bool:
        """Wait until all is written, for `seconds` at most, and let the thread go; return whether all was."""
        with self._changed:
            is_written = self._changed.wait_for(lambda: not self._waiting, seconds)
            self._thread = None
            self._changed.notify_all()
        return is_written

    def _run(self) -> None:
        while (data := self._next()) is not None:
            missing = self._written(data)
            with self._changed:
                self._waiting -= len(data)
                self._changed.notify_all()
            if missing:
                self._resumed(missing)

    def _next(self) -> bytes | None:
        """Wait for a piece; None when this thread has been let go and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._thread is not current_thread())
            return self._pieces.popleft() if self._pieces else None

    def _written(self, data: bytes) -> int:
        """Write a piece; return how many lines before it were not written, if it was."""
        try:
            self._write(data)
        except OSError:
            lines = data.count(b"\n")
            with self._changed:
                self.lost += lines
                self._missing += lines
            return 0
        with self._changed:
            missing, self._missing = self._missing, 0
        return missing
