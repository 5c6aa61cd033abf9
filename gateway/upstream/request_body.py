"""The caller's body on its way to the upstream: framed, counted, and no faster than the upstream takes it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.http1.downstream import DownstreamBody
from gateway.http1.faults import ExchangeError, Fault
from gateway.telemetry.record import RequestRecord
from gateway.upstream.connection import UpstreamConnection

_LAST_CHUNK = b"0\r\n\r\n"


class BodyOwner(Protocol):
    """The exchange that a body belongs to."""

    def wait_for_caller(self) -> None:
        """Hold nobody but the caller to a time while its body is awaited."""

    def wait_for_upstream(self) -> None:
        """Give the upstream its time to take what was sent."""

    def sent(self) -> None:
        """Take it that the upstream has the whole request."""

    def abandon(self, error: ExchangeError) -> None:
        """Stop the exchange from our side."""


class RequestBody:
    """One request's body towards the upstream; the BodyConsumer of what the caller sends.

    `most` bounds it in bytes, 0 for no bound. `begun` tells whether bytes may have reached an upstream, so that the
    request cannot be sent a second time; `complete` whether all of them were sent. Raises ExchangeError for a body that
    says to be longer than `most`.

    An upstream may answer early and close, in the middle of an upload: each piece may meet a reset.
    """

    __slots__ = (
        "_connection",
        "_most",
        "_owner",
        "_record",
        "_source",
        "begun",
        "complete",
        "framing",
    )

    def __init__(self, source: DownstreamBody, most: int, record: RequestRecord) -> None:
        if most and source.length > most:
            raise ExchangeError(Fault.BODY_TOO_LARGE)
        self._source = source
        self._most = most
        self._record = record
        self._connection: UpstreamConnection | None = None
        self._owner: BodyOwner | None = None
        self.framing = b"Transfer-Encoding: chunked\r\n\r\n" if source.chunked else b"\r\n"
        self.begun = False
        self.complete = False

    @property
    def is_there(self) -> bool:
        """Tell whether all of it has come."""
        return self._source.complete

    @property
    def awaited(self) -> bool:
        """Tell whether nothing of it has come yet."""
        return not self._source.begun

    async def arrive(self, most: int, seconds: float | None) -> bool:
        """Wait until it is there, or `most` bytes are; tell whether they were in time. Raises ExchangeError."""
        try:
            async with asyncio.timeout(seconds):
                await self._source.arrived(most)
        except TimeoutError:
            return False
        return True

    def give_up(self, error: ExchangeError) -> None:
        """Let whoever waits for it know that it never comes."""
        self._source.fail(error)

    def send(self, connection: UpstreamConnection, owner: BodyOwner) -> None:
        """Send what has come, and the rest as it comes."""
        self._connection = connection
        self._owner = owner
        owner.wait_for_caller()
        connection.on_writable = self._writable
        self._source.start(self)

    def stop(self) -> None:
        """Send no more: the exchange is over."""
        if self._connection is not None:
            self._connection.on_writable = None
            self._connection = self._owner = None
            self._source.stop()

    # What the caller's body calls

    def body(self, data: bytes) -> None:
        """Send a piece; the caller is held while the upstream takes none."""
        connection, owner = self._connection, self._owner
        if connection is None or owner is None:
            return
        self.begun = True
        self._record.bytes_in += len(data)
        if self._most and self._record.bytes_in > self._most:
            owner.abandon(ExchangeError(Fault.BODY_TOO_LARGE))
            return
        if not self._source.complete:
            connection.expect_reset()
        if self._source.chunked:
            connection.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        else:
            connection.write(data)
        if connection.writing_paused:
            owner.wait_for_upstream()
            self._source.hold()

    def body_end(self) -> None:
        """End the body towards the upstream."""
        connection, owner = self._connection, self._owner
        if connection is None or owner is None:
            return
        if self._source.chunked:
            connection.write(_LAST_CHUNK)
        self.begun = self.complete = True
        owner.sent()

    def body_failed(self, error: ExchangeError) -> None:
        """Give the exchange up."""
        if self._owner is not None:
            self._owner.abandon(error)

    def _writable(self) -> None:
        """Take bytes from the caller again."""
        if self._owner is not None and not self.complete:
            self._owner.wait_for_caller()
            self._source.resume()
