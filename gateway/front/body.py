"""A request's body between the reader that takes it apart and whoever consumes it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.http1.downstream import BodyConsumer
from gateway.http1.faults import ExchangeError, Fault

MOST_HELD = 64 * 1024
"""Bytes that are kept for a consumer that has not begun, before the caller is held."""

_SMALL = 1024
"""Bytes of a piece below which it is put behind others: each by itself, two bytes took forty."""


class ReadingControl(Protocol):
    """The connection that a body comes over."""

    def pause_reading(self) -> None:
        """Take no bytes from the caller."""

    def resume_reading(self) -> None:
        """Take bytes from the caller again."""


class CallerBody:
    """Implements `gateway.http1.downstream.DownstreamBody`, and is the reader's sink.

    `held` tells that it is we who do not read, so that the caller is not late; `begun` that a byte of it has come.
    """

    __slots__ = (
        "_arrival",
        "_consumer",
        "_error",
        "_most",
        "_pieces",
        "_size",
        "_small",
        "_source",
        "begun",
        "chunked",
        "complete",
        "held",
        "length",
    )

    def __init__(self, source: ReadingControl, *, chunked: bool, length: int) -> None:
        self._source = source
        self.chunked = chunked
        self.length = length
        self.complete = False
        self.held = False
        self.begun = False
        self._consumer: BodyConsumer | None = None
        self._pieces: list[bytes] = []
        self._small = bytearray()
        self._size = 0
        self._most = MOST_HELD
        self._arrival: asyncio.Future[None] | None = None
        self._error: ExchangeError | None = None

    @property
    def failed(self) -> bool:
        """Tell whether the rest never comes."""
        return self._error is not None

    # What the reader calls

    def body(self, data: bytes) -> None:
        """Hand on a piece, or keep it."""
        self.begun = True
        consumer = self._consumer
        if consumer is not None:
            consumer.body(data)
            return
        if self._pieces and len(data) < _SMALL:
            self._small += data
        else:
            if self._small:
                self._join_small()
            self._pieces.append(data)
        self._size += len(data)
        if self._size >= self._most:
            self.hold()
            self._arrive()

    def body_end(self) -> None:
        """Note the end."""
        self.begun = self.complete = True
        self._arrive()
        if self._consumer is not None:
            self._consumer.body_end()

    # What the connection calls

    def fail(self, error: ExchangeError) -> None:
        """Tell that the rest never comes."""
        if self.complete or self._error is not None:
            return
        self._error = error
        self._arrive()
        if self._consumer is not None:
            self._consumer.body_failed(error)

    # What the consumer calls

    def start(self, consumer: BodyConsumer) -> None:
        """Hand on what has come, and the rest as it comes."""
        self._consumer = consumer
        if self._small:
            self._join_small()
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces:
            consumer.body(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._consumer is not consumer:  # the consumer has ended over what it was handed
            return
        if self.complete:
            consumer.body_end()
        elif self._error is not None:
            consumer.body_failed(self._error)
        else:
            self.resume()

    def stop(self) -> None:
        """Hand on no more; what still comes is dropped."""
        self._consumer = DROPPED
        self._pieces = []
        self._small = bytearray()
        self.resume()

    def hold(self) -> None:
        """Take no more from the caller until `resume`."""
        if not self.held:
            self.held = True
            self._source.pause_reading()

    def resume(self) -> None:
        """Take bytes from the caller again."""
        if self.held:
            self.held = False
            self._source.resume_reading()

    async def arrived(self, most: int) -> None:
        """Return when all of it has come, or `most` bytes; raises ExchangeError when that never will be."""
        self._most = most
        if self._size < most:
            self.resume()
        if not self.complete and self._error is None and self._size < most:
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        if self._error is not None:
            raise self._error

    def _join_small(self) -> None:
        self._pieces.append(bytes(self._small))
        self._small = bytearray()

    def _arrive(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def read(self, most: int) -> bytes:
        """Return all of it; raises ExchangeError when it is longer than `most` bytes, broken, or stalled."""
        collector = _Collector(most)
        self.start(collector)
        try:
            return await collector.whole
        finally:
            self.stop()


class _Collector:
    """Puts a body together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()
        self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def body(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._most:
            self.body_failed(ExchangeError(Fault.BODY_TOO_LARGE))

    def body_end(self) -> None:
        if not self.whole.done():
            self.whole.set_result(bytes(self._data))

    def body_failed(self, error: ExchangeError) -> None:
        if not self.whole.done():
            self.whole.set_exception(error)


class _Dropped:
    """Takes what nobody wants."""

    def body(self, data: bytes) -> None:
        """Drop a piece."""

    def body_end(self) -> None:
        """Drop the end."""

    def body_failed(self, error: ExchangeError) -> None:
        """Drop the failure."""


DROPPED = _Dropped()
