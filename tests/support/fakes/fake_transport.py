"""A transport that keeps what is written to it, for protocols that are tested without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class FakeTransport(asyncio.Transport):
    """`written` is everything in one piece; `reading` tells whether the protocol wants bytes.

    `unsent` is how many bytes it says the peer has not taken.
    """

    def __init__(self, protocol: asyncio.Protocol | None = None, extra: Mapping[str, object] | None = None) -> None:
        super().__init__(dict(extra or {}))
        self._protocol = protocol
        self.written = b""
        self.reading = True
        self.ended = False
        self.aborted = False
        self.unsent = 0
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing
        self.written += data

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if self._protocol is not None:
                self._protocol.connection_lost(None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        return self.unsent


class FakeClient:
    """A `DownstreamConnection` over a FakeTransport; keeps what its request was answered, and tells `answered`."""

    def __init__(self) -> None:
        self.fake = FakeTransport()
        self.writing_paused = False
        self.draining = False
        self.watcher: object = None
        self.raw_peer: object = None
        self.peer, self.scheme = "192.0.2.1", "http"
        self.stall = 20.0
        self.unsent = 0
        self.early = b""
        self.answers: list[object] = []
        self.answered: asyncio.Future[Any] | None = None

    def write(self, data: bytes) -> None:
        self.fake.write(data)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        self.fake.write(b"".join(pieces))

    def end_writing(self) -> None:
        self.fake.write_eof()

    def abort(self) -> None:
        self.fake.abort()

    def watch(self, watcher: object) -> None:
        self.watcher = watcher

    def take_over(self, peer: object) -> bytes:
        self.raw_peer = peer
        return self.early

    def pause_reading(self) -> None:
        self.fake.pause_reading()

    def resume_reading(self) -> None:
        self.fake.resume_reading()

    def complete(self, request: object, answer: object) -> None:
        del request
        self.answers.append(answer)
        if self.answered is not None:
            self.answered.set_result(answer)
